package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"filippo.io/torchwood"
	"github.com/transparency-dev/merkle/proof"
	"github.com/transparency-dev/merkle/rfc6962"
	"golang.org/x/mod/sumdb/tlog"
)

// stored is the tree that tree.grow made, in the order of tlog's own numbering.
var stored []tlog.Hash

var storage = tlog.HashReaderFunc(func(indexes []int64) ([]tlog.Hash, error) {
	found := make([]tlog.Hash, len(indexes))
	for i, index := range indexes {
		if index < 0 || index >= int64(len(stored)) {
			return nil, fmt.Errorf("hash %d is not stored", index)
		}
		found[i] = stored[index]
	}
	return found, nil
})

// growTree makes the tree over the leaves "leaf 0", "leaf 1", … anew.
func growTree(r *request) (answer, error) {
	stored = nil
	for n := range r.Size {
		more, err := tlog.StoredHashes(n, fmt.Appendf(nil, "leaf %d", n), storage)
		if err != nil {
			return nil, err
		}
		stored = append(stored, more...)
	}
	return answer{}, nil
}

func treeRoot(r *request) (answer, error) {
	root, err := tlog.TreeHash(r.Size, storage)
	return answer{"root": root[:]}, err
}

func proveRecord(r *request) (answer, error) {
	proof, err := tlog.ProveRecord(r.Size, r.Index, storage)
	return answer{"proof": raw(proof)}, err
}

func proveTree(r *request) (answer, error) {
	proof, err := tlog.ProveTree(r.Size, r.Old, storage)
	return answer{"proof": raw(proof)}, err
}

func checkRecord(r *request) (answer, error) {
	proof, err := hashes(r.Proof)
	if err != nil {
		return nil, err
	}
	root, err := hash(r.Root)
	if err != nil {
		return nil, err
	}
	return answer{}, tlog.CheckRecord(proof, r.Size, root, r.Index, tlog.RecordHash(r.Leaf))
}

func checkTree(r *request) (answer, error) {
	proof, err := hashes(r.Proof)
	if err != nil {
		return nil, err
	}
	root, err := hash(r.Root)
	if err != nil {
		return nil, err
	}
	inner, err := hash(r.Inner)
	if err != nil {
		return nil, err
	}
	return answer{}, tlog.CheckTree(proof, r.Size, root, r.Old, inner)
}

// checkSubtree asks transparency-dev/merkle whether a subtree belongs to a tree.
func checkSubtree(r *request) (answer, error) {
	size := uint64(r.Size)
	return answer{}, proof.VerifySubtreeConsistency(rfc6962.DefaultHasher, r.Start, r.End, size, r.Proof, r.Inner, r.Root)
}

// madeTiles writes every tile that a log of height 8 has once it grew from size old to size, under a directory.
func madeTiles(r *request) (answer, error) {
	var paths []string
	for _, tile := range tlog.NewTiles(8, r.Old, r.Size) {
		data, err := tlog.ReadTileData(tile, storage)
		if err != nil {
			return nil, err
		}
		path := torchwood.TilePath(tile)
		name := filepath.Join(r.Dir, path)
		if err := errors.Join(os.MkdirAll(filepath.Dir(name), 0o755), os.WriteFile(name, data, 0o644)); err != nil {
			return nil, err
		}
		paths = append(paths, path)
	}
	return answer{"paths": paths}, nil
}

// directory reads tiles by the paths of C2SP tlog-tiles from files, as a tlog.TileReader.
type directory string

func (d directory) Height() int                     { return 8 }
func (d directory) SaveTiles([]tlog.Tile, [][]byte) {}
func (d directory) path(t tlog.Tile) string         { return filepath.Join(string(d), torchwood.TilePath(t)) }
func (d directory) ReadTiles(tiles []tlog.Tile) ([][]byte, error) {
	all := make([][]byte, len(tiles))
	for i, tile := range tiles {
		data, err := os.ReadFile(d.path(tile))
		if errors.Is(err, os.ErrNotExist) && tile.W < 1<<tile.H {
			// A partial tile may go once the full one is there.
			full := tile
			full.W = 1 << tile.H
			data, err = os.ReadFile(d.path(full))
			data = data[:min(len(data), tile.W*tlog.HashSize)]
		}
		if err != nil {
			return nil, err
		}
		all[i] = data
	}
	return all, nil
}

// readTiles authenticates the tiles of a directory against a root and proves one record, and an older tree, from them.
func readTiles(r *request) (answer, error) {
	root, err := hash(r.Root)
	if err != nil {
		return nil, err
	}
	reader := tlog.TileHashReader(tlog.Tree{N: r.Size, Hash: root}, directory(strings.TrimSuffix(r.Dir, "/")))
	record, err := reader.ReadHashes([]int64{tlog.StoredHashIndex(0, r.Index)})
	if err != nil {
		return nil, err
	}
	proof, err := tlog.ProveRecord(r.Size, r.Index, reader)
	if err != nil {
		return nil, err
	}
	result := answer{"hash": record[0][:], "proof": raw(proof)}
	if r.Old > 0 {
		consistency, err := tlog.ProveTree(r.Size, r.Old, reader)
		if err != nil {
			return nil, err
		}
		result["consistency"] = raw(consistency)
	}
	return result, nil
}

// readEntries reads a log over HTTP with Torchwood's client, which authenticates every entry against the root, and
// returns the leaf hash of each from start on, and the inclusion proof of the last that it proves from those tiles.
func readEntries(r *request) (answer, error) {
	root, err := hash(r.Root)
	if err != nil {
		return nil, err
	}
	fetcher, err := torchwood.NewTileFetcher(r.URL)
	if err != nil {
		return nil, err
	}
	client, err := torchwood.NewClient(fetcher)
	if err != nil {
		return nil, err
	}
	ctx, tree := context.Background(), tlog.Tree{N: r.Size, Hash: root}
	var found []tlog.Hash
	for index, entry := range client.AllEntries(ctx, tree, r.Index) {
		if index != r.Index+int64(len(found)) {
			return nil, fmt.Errorf("entry %d came after %d others from %d on", index, len(found), r.Index)
		}
		found = append(found, tlog.RecordHash(entry))
	}
	if err := client.Err(); err != nil {
		return nil, err
	}
	_, proof, err := client.Entry(ctx, tree, r.Size-1)
	return answer{"leaves": raw(found), "proof": raw(proof)}, err
}
