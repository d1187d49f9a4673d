// Command tessera makes a log with Tessera's POSIX storage, or checks a directory with its fsck.
//
//	tessera append -dir DIR -key SKEY -first N -count N [-policy FILE]
//	tessera fsck   -dir DIR -vkey VKEY
//
// The entries are "leaf <first>", "leaf <first+1>", …, in order.
package main

import (
	"context"
	"flag"
	"fmt"
	"log"
	"os"
	"time"

	f_note "github.com/transparency-dev/formats/note"
	"github.com/transparency-dev/merkle/rfc6962"
	"github.com/transparency-dev/tessera"
	"github.com/transparency-dev/tessera/api"
	"github.com/transparency-dev/tessera/client"
	"github.com/transparency-dev/tessera/fsck"
	"github.com/transparency-dev/tessera/storage/posix"
	"golang.org/x/mod/sumdb/note"
)

func main() {
	log.SetFlags(0)
	if len(os.Args) < 2 {
		log.Fatal("tessera append|fsck")
	}
	flags := flag.NewFlagSet(os.Args[1], flag.ExitOnError)
	dir := flags.String("dir", "", "directory of the log")
	key := flags.String("key", "", "private key of the log, in the notation of x/mod")
	vkey := flags.String("vkey", "", "public key of the log")
	first := flags.Int("first", 0, "number of the first entry")
	count := flags.Int("count", 0, "how many entries to append")
	policy := flags.String("policy", "", "file with a witness policy that each checkpoint must meet")
	_ = flags.Parse(os.Args[2:])
	var err error
	switch os.Args[1] {
	case "append":
		err = appendEntries(context.Background(), *dir, *key, *policy, *first, *count)
	case "fsck":
		err = check(context.Background(), *dir, *vkey)
	default:
		err = fmt.Errorf("no command %q", os.Args[1])
	}
	if err != nil {
		log.Fatal(err)
	}
}

func appendEntries(ctx context.Context, dir, key, policy string, first, count int) error {
	signer, err := note.NewSigner(key)
	if err != nil {
		return err
	}
	driver, err := posix.New(ctx, posix.Config{Path: dir})
	if err != nil {
		return err
	}
	options := tessera.NewAppendOptions().
		WithCheckpointSigner(signer).
		WithBatching(uint(max(count, 1)), 100*time.Millisecond).
		WithPushback(uint(count + 1)).
		WithCheckpointInterval(100 * time.Millisecond)
	if policy != "" {
		text, err := os.ReadFile(policy)
		if err != nil {
			return err
		}
		group, err := tessera.NewWitnessGroupFromPolicy(text)
		if err != nil {
			return err
		}
		options.WithWitnesses(group, &tessera.WitnessOptions{Timeout: 10 * time.Second})
	}
	appender, shutdown, reader, err := tessera.NewAppender(ctx, driver, options)
	if err != nil {
		return err
	}
	futures := make([]tessera.IndexFuture, count)
	for i := range futures {
		futures[i] = appender.Add(ctx, tessera.NewEntry(fmt.Appendf(nil, "leaf %d", first+i)))
	}
	awaiter := tessera.NewPublicationAwaiter(ctx, reader.ReadCheckpoint, 50*time.Millisecond)
	for i, future := range futures {
		index, _, err := awaiter.Await(ctx, future)
		if err != nil {
			return err
		}
		if index.Index != uint64(first+i) {
			return fmt.Errorf("entry %d was given the index %d", first+i, index.Index)
		}
	}
	return shutdown(ctx)
}

// check rebuilds the whole tree from the entry bundles and compares every tile and the root.
func check(ctx context.Context, dir, vkey string) error {
	verifier, err := f_note.NewVerifier(vkey)
	if err != nil {
		return err
	}
	files := &client.FileFetcher{Root: dir}
	return fsck.New(verifier.Name(), verifier, files, leafHashes, fsck.Opts{N: 2}).Check(ctx)
}

func leafHashes(data []byte) ([][]byte, error) {
	var bundle api.EntryBundle
	if err := bundle.UnmarshalText(data); err != nil {
		return nil, err
	}
	hashes := make([][]byte, len(bundle.Entries))
	for i, entry := range bundle.Entries {
		hashes[i] = rfc6962.DefaultHasher.HashLeaf(entry)
	}
	return hashes, nil
}
