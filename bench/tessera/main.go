// Command tessera measures how many entries a second Tessera's POSIX storage appends, to stand beside our own numbers.
//
//	tessera -dir DIR -size 337 -count 100000 -batch 256 -age 250ms -checkpoint 1s -outstanding 4096 -writers 64
//
// Each writer appends one entry and waits until it is durable, as a caller that needs an acknowledgement must; with
// -writers 0, one goroutine appends without waiting, -outstanding entries at most under way, as in a bulk load. The
// POSIX storage writes every file of a batch synchronously (fsync, and O_SYNC for new files), and there is no setting
// for it. Nothing is verified, no rule is applied, nothing is indexed: it is a log and no more. Checkpoints are signed
// on a timer, not for each batch.
//
// With 64 writers a batch of 64 does best; a larger one waits for its age before it is written.
//
// Prints one JSON object: the settings; seconds until the last entry was durable, and entries a second by it;
// seconds until a signed checkpoint covered the last entry; the bytes of the log on disk.
package main

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"flag"
	"io/fs"
	"log"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"github.com/transparency-dev/tessera"
	"github.com/transparency-dev/tessera/storage/posix"
	"golang.org/x/mod/sumdb/note"
	"k8s.io/klog/v2"
)

type result struct {
	Entries          int     `json:"entries"`
	EntryBytes       int     `json:"entry_bytes"`
	BatchMaxSize     uint    `json:"batch_max_size"`
	BatchMaxAgeMS    int64   `json:"batch_max_age_ms"`
	CheckpointMS     int64   `json:"checkpoint_interval_ms"`
	Outstanding      uint    `json:"outstanding"`
	Writers          int     `json:"writers"`
	Seconds          float64 `json:"seconds"`
	EntriesPerSecond float64 `json:"entries_per_s"`
	PublishedSeconds float64 `json:"published_seconds"`
	BytesOnDisk      int64   `json:"bytes_on_disk"`
	Version          string  `json:"version"`
}

func main() {
	dir := flag.String("dir", "", "an empty directory for the log")
	size := flag.Int("size", 337, "bytes of an entry")
	count := flag.Int("count", 100_000, "how many entries")
	batch := flag.Uint("batch", tessera.DefaultBatchMaxSize, "largest number of entries in a batch")
	age := flag.Duration("age", tessera.DefaultBatchMaxAge, "longest time that a batch is kept open")
	interval := flag.Duration("checkpoint", time.Second, "time between checkpoints")
	outstanding := flag.Uint("outstanding", tessera.DefaultPushbackMaxOutstanding, "entries under way at most")
	writers := flag.Int("writers", 64, "writers that wait for each entry; 0: one that does not wait")
	flag.Parse()
	klog.SetOutput(os.Stderr)
	if *dir == "" || *size < 8 || *count < 1 {
		log.Fatal("-dir is needed, -size of at least 8, -count of at least 1")
	}
	ctx := context.Background()
	key, _, err := note.GenerateKey(nil, "bench.example")
	fatal(err)
	signer, err := note.NewSigner(key)
	fatal(err)
	driver, err := posix.New(ctx, posix.Config{Path: *dir})
	fatal(err)
	options := tessera.NewAppendOptions().
		WithCheckpointSigner(signer).
		WithBatching(*batch, *age).
		WithPushback(*outstanding).
		WithCheckpointInterval(*interval)
	appender, shutdown, reader, err := tessera.NewAppender(ctx, driver, options)
	fatal(err)

	start := time.Now()
	var last tessera.IndexFuture
	if *writers > 0 {
		last = appendBlocking(ctx, appender, *size, *count, *writers)
	} else {
		last = appendAhead(ctx, appender, *size, *count, int(*outstanding))
	}
	durable := time.Since(start)
	_, _, err = tessera.NewPublicationAwaiter(ctx, reader.ReadCheckpoint, 10*time.Millisecond).Await(ctx, last)
	fatal(err)
	published := time.Since(start)
	fatal(shutdown(ctx))

	fatal(json.NewEncoder(os.Stdout).Encode(result{
		Entries: *count, EntryBytes: *size, BatchMaxSize: *batch, BatchMaxAgeMS: age.Milliseconds(),
		CheckpointMS: interval.Milliseconds(), Outstanding: *outstanding, Writers: *writers,
		Seconds: durable.Seconds(), EntriesPerSecond: float64(*count) / durable.Seconds(),
		PublishedSeconds: published.Seconds(), BytesOnDisk: bytesIn(*dir), Version: "tessera v1.0.4",
	}))
}

// appendBlocking lets each writer wait for the index of its entry before it appends the next.
func appendBlocking(ctx context.Context, a *tessera.Appender, size, count, writers int) tessera.IndexFuture {
	var next atomic.Int64
	var highest struct {
		sync.Mutex
		index  uint64
		future tessera.IndexFuture
	}
	var group sync.WaitGroup
	for range writers {
		group.Go(func() {
			for number := next.Add(1) - 1; number < int64(count); number = next.Add(1) - 1 {
				future := a.Add(ctx, tessera.NewEntry(entry(size, uint64(number))))
				index, err := future()
				fatal(err)
				highest.Lock()
				if highest.future == nil || index.Index > highest.index {
					highest.index, highest.future = index.Index, future
				}
				highest.Unlock()
			}
		})
	}
	group.Wait()
	return highest.future
}

// appendAhead appends without waiting for each entry, and waits for the oldest when enough are under way.
func appendAhead(ctx context.Context, a *tessera.Appender, size, count, outstanding int) tessera.IndexFuture {
	var under []tessera.IndexFuture
	wait := func(futures []tessera.IndexFuture) {
		for _, future := range futures {
			_, err := future()
			fatal(err)
		}
	}
	for number := range count {
		under = append(under, a.Add(ctx, tessera.NewEntry(entry(size, uint64(number)))))
		if len(under) == outstanding {
			half := len(under) / 2
			wait(under[:half])
			under = append([]tessera.IndexFuture(nil), under[half:]...)
		}
	}
	wait(under)
	return under[len(under)-1]
}

// entry returns the bytes of an entry, each different from all others.
func entry(size int, number uint64) []byte {
	data := make([]byte, size)
	for i := range data {
		data[i] = byte(uint64(i) * 0x9e3779b97f4a7c15 >> 56)
	}
	binary.BigEndian.PutUint64(data, number)
	return data
}

func bytesIn(dir string) int64 {
	var total int64
	fatal(filepath.WalkDir(dir, func(_ string, item fs.DirEntry, err error) error {
		if err != nil || item.IsDir() {
			return err
		}
		info, err := item.Info()
		if err == nil {
			total += info.Size()
		}
		return err
	}))
	return total
}

func fatal(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
