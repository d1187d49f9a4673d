package main

import (
	"fmt"

	"filippo.io/torchwood"
	"github.com/transparency-dev/formats/proof"
	"github.com/transparency-dev/formats/witness"
	"github.com/transparency-dev/tessera"
	"golang.org/x/mod/sumdb/tlog"
)

// policyTorchwood says whether a checkpoint meets a policy with a log line in it.
func policyTorchwood(r *request) (answer, error) {
	policy, err := torchwood.ParsePolicy(r.Policy)
	if err != nil {
		return nil, fmt.Errorf("policy: %w", err)
	}
	if r.Note == nil {
		return answer{}, nil
	}
	checkpoint, _, err := torchwood.VerifyCheckpoint(r.Note, policy)
	return answer{"size": checkpoint.N}, err
}

// policyFormats says whether a checkpoint meets the quorum of a policy without log lines.
func policyFormats(r *request) (answer, error) {
	group, err := witness.ParsePolicy(r.Policy)
	if err != nil {
		return nil, fmt.Errorf("policy: %w", err)
	}
	return quorum(r, group.Satisfied)
}

func policyTessera(r *request) (answer, error) {
	group, err := tessera.NewWitnessGroupFromPolicy(r.Policy)
	if err != nil {
		return nil, fmt.Errorf("policy: %w", err)
	}
	return quorum(r, group.Satisfied)
}

func quorum(r *request, satisfied func([]byte) bool) (answer, error) {
	if r.Note != nil && !satisfied(r.Note) {
		return nil, fmt.Errorf("the quorum is not met")
	}
	return answer{}, nil
}

func verifyProofTorchwood(r *request) (answer, error) {
	policy, err := torchwood.ParsePolicy(r.Policy)
	if err != nil {
		return nil, fmt.Errorf("policy: %w", err)
	}
	return answer{}, torchwood.VerifyProof(policy, tlog.RecordHash(r.Leaf), r.File)
}

func makeProofTorchwood(r *request) (answer, error) {
	p, err := hashes(r.Proof)
	if err != nil {
		return nil, err
	}
	if r.Extra != nil {
		return answer{"file": torchwood.FormatProofWithExtraData(r.Index, r.Extra, p, r.Note)}, nil
	}
	return answer{"file": torchwood.FormatProof(r.Index, p, r.Note)}, nil
}

func readProofFormats(r *request) (answer, error) {
	var p proof.TLogProof
	if err := p.Unmarshal(r.File); err != nil {
		return nil, err
	}
	list := make([][]byte, len(p.Hashes))
	for i := range p.Hashes {
		list[i] = p.Hashes[i][:]
	}
	return answer{"index": p.Index, "proof": list, "note": p.Checkpoint, "extra": p.ExtraData}, nil
}

func makeProofFormats(r *request) (answer, error) {
	p := proof.TLogProof{Index: uint64(r.Index), Checkpoint: r.Note, ExtraData: r.Extra}
	for _, b := range r.Proof {
		h, err := hash(b)
		if err != nil {
			return nil, err
		}
		p.Hashes = append(p.Hashes, h)
	}
	return answer{"file": p.Marshal()}, nil
}
