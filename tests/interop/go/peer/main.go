// Command peer lets the tests ask the Go implementations of the transparency-log formats.
//
// It reads one JSON object a line from standard input and writes one a line to standard output, in the same order.
// Bytes are base64. "op" names the question; an answer has either its results, or "error". The libraries are called
// as they stand: nothing here knows a format.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"

	"golang.org/x/mod/sumdb/tlog"
)

// request holds the arguments of every operation; each uses those that it needs.
type request struct {
	Op     string   `json:"op"`
	Text   []byte   `json:"text"`
	Note   []byte   `json:"note"`
	Leaf   []byte   `json:"leaf"`
	Extra  []byte   `json:"extra"`
	File   []byte   `json:"file"`
	Policy []byte   `json:"policy"`
	Seed   []byte   `json:"seed"`
	VKeys  []string `json:"vkeys"`
	SKeys  []string `json:"skeys"`
	Name   string   `json:"name"`
	Dir    string   `json:"dir"`
	URL    string   `json:"url"`
	Size   int64    `json:"size"`
	Old    int64    `json:"old"`
	Index  int64    `json:"index"`
	Start  uint64   `json:"start"`
	End    uint64   `json:"end"`
	Root   []byte   `json:"root"`
	Inner  []byte   `json:"inner"`
	Proof  [][]byte `json:"proof"`
	Sig    []byte   `json:"sig"`
	Time   uint64   `json:"time"`
}

type answer map[string]any

var operations = map[string]func(*request) (answer, error){
	"note.sign":              signNote,
	"note.open":              openNote,
	"tree.grow":              growTree,
	"tree.root":              treeRoot,
	"tree.prove_record":      proveRecord,
	"tree.prove_tree":        proveTree,
	"tree.check_record":      checkRecord,
	"tree.check_tree":        checkTree,
	"tree.check_subtree":     checkSubtree,
	"tiles.made":             madeTiles,
	"tiles.read":             readTiles,
	"entries.read":           readEntries,
	"cosignature.sign":       cosign,
	"cosignature.formats":    openWithFormats,
	"cosignature.torchwood":  openWithTorchwood,
	"mldsa.keys":             mldsaKeys,
	"mldsa.sign_subtree":     signSubtree,
	"mldsa.verify_subtree":   verifySubtree,
	"policy.torchwood":       policyTorchwood,
	"policy.formats":         policyFormats,
	"policy.tessera":         policyTessera,
	"proof.verify_torchwood": verifyProofTorchwood,
	"proof.make_torchwood":   makeProofTorchwood,
	"proof.read_formats":     readProofFormats,
	"proof.make_formats":     makeProofFormats,
}

func main() {
	in := bufio.NewReaderSize(os.Stdin, 1<<20)
	out := bufio.NewWriter(os.Stdout)
	decoder, encoder := json.NewDecoder(in), json.NewEncoder(out)
	for decoder.More() {
		var r request
		if err := decoder.Decode(&r); err != nil {
			fmt.Fprintln(os.Stderr, "not a request:", err)
			os.Exit(1)
		}
		result, err := answerTo(&r)
		if err != nil {
			result = answer{"error": err.Error()}
		}
		if encoder.Encode(result) != nil || out.Flush() != nil {
			os.Exit(1)
		}
	}
}

func answerTo(r *request) (answer, error) {
	operation, ok := operations[r.Op]
	if !ok {
		return nil, fmt.Errorf("no operation %q", r.Op)
	}
	return operation(r)
}

func hash(b []byte) (tlog.Hash, error) {
	if len(b) != tlog.HashSize {
		return tlog.Hash{}, fmt.Errorf("a hash has %d bytes, not %d", tlog.HashSize, len(b))
	}
	return tlog.Hash(b), nil
}

func hashes(list [][]byte) ([]tlog.Hash, error) {
	all := make([]tlog.Hash, len(list))
	for i, b := range list {
		h, err := hash(b)
		if err != nil {
			return nil, err
		}
		all[i] = h
	}
	return all, nil
}

func raw(list []tlog.Hash) [][]byte {
	all := make([][]byte, len(list))
	for i := range list {
		all[i] = list[i][:]
	}
	return all
}
