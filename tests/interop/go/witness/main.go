// Command witness runs the witness of transparency-dev, as its omniwitness program does, for the logs that are named.
//
//	witness -key SKEY... -log VKEY...
//
// It prints the URL at which it listens, and runs until it is killed. omniwitness leaves sign-subtree off at this
// version; its library has it, and here it is served beside the rest.
package main

import (
	"context"
	"fmt"
	"log"
	"net"
	"net/http"
	"os"

	f_note "github.com/transparency-dev/formats/note"
	"github.com/transparency-dev/witness/config"
	"github.com/transparency-dev/witness/omniwitness"
	"github.com/transparency-dev/witness/persistence/inmemory"
	"github.com/transparency-dev/witness/witness"
	"golang.org/x/mod/sumdb/note"
)

func main() {
	ctx := context.Background()
	store := inmemory.New()
	options := omniwitness.OperatorConfig{Logs: store, ServeMux: http.NewServeMux()}
	var subtreeSigners []note.Signer
	for i := 1; i+1 < len(os.Args); i += 2 {
		switch value := os.Args[i+1]; os.Args[i] {
		case "-key":
			signer, err := f_note.NewSignerForCosignatureV1(value)
			if err != nil {
				log.Fatal(err)
			}
			options.WitnessKeys = append(options.WitnessKeys, signer)
			options.WitnessVerifier = signer.Verifier()
			if signer, err := f_note.NewMLDSASigner(value); err == nil {
				subtreeSigners = append(subtreeSigners, signer)
			}
		case "-log":
			verifier, err := f_note.NewVerifier(value)
			if err != nil {
				log.Fatal(err)
			}
			known := config.Log{Origin: verifier.Name(), VKey: value, Verifier: verifier}
			if err := store.AddLogs(ctx, []config.Log{known}); err != nil {
				log.Fatal(err)
			}
		default:
			log.Fatalf("unknown option %q", os.Args[i])
		}
	}
	signing, err := witness.New(ctx, witness.Opts{
		Persistence: store, Signers: subtreeSigners, EnableSubtreeSigning: true,
		VerifierForLog: func(ctx context.Context, origin string) (note.Verifier, bool, error) {
			known, ok, err := store.Log(ctx, origin)
			return known.Verifier, ok, err
		},
	})
	if err != nil {
		log.Fatal(err)
	}
	options.ServeMux.HandleFunc("POST /sign-subtree", witness.NewHTTPHandler(signing).SignSubtree)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("http://%s\n", listener.Addr())
	log.Fatal(omniwitness.Main(ctx, options, store, listener, http.DefaultClient))
}
