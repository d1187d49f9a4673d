package main

import (
	"encoding/base64"
	"fmt"

	"filippo.io/mldsa"
	"filippo.io/torchwood"
	f_note "github.com/transparency-dev/formats/note"
	"golang.org/x/mod/sumdb/note"
)

// signNote signs a text with keys in the notation of x/mod.
func signNote(r *request) (answer, error) {
	signers := make([]note.Signer, len(r.SKeys))
	for i, key := range r.SKeys {
		signer, err := note.NewSigner(key)
		if err != nil {
			return nil, err
		}
		signers[i] = signer
	}
	signed, err := note.Sign(&note.Note{Text: string(r.Text)}, signers...)
	return answer{"note": signed}, err
}

// cosign signs a checkpoint's text with keys of witnesses, Ed25519 or ML-DSA-44.
func cosign(r *request) (answer, error) {
	signers := make([]note.Signer, len(r.SKeys))
	vkeys := make([]string, len(r.SKeys))
	for i, key := range r.SKeys {
		signer, err := f_note.NewSignerForCosignatureV1(key)
		if err != nil {
			return nil, err
		}
		signers[i] = signer
		vkeys[i] = fmt.Sprintf("%s+%08x", signer.Name(), signer.KeyHash())
	}
	signed, err := note.Sign(&note.Note{Text: string(r.Text)}, signers...)
	return answer{"note": signed, "keys": vkeys}, err
}

func openNote(r *request) (answer, error) {
	return open(r, note.NewVerifier)
}

func openWithFormats(r *request) (answer, error) {
	return open(r, f_note.NewVerifierForCosignatureV1)
}

func openWithTorchwood(r *request) (answer, error) {
	return open(r, func(vkey string) (note.Verifier, error) { return torchwood.NewCosignatureVerifier(vkey) })
}

func open(r *request, parse func(string) (note.Verifier, error)) (answer, error) {
	verifiers := make([]note.Verifier, len(r.VKeys))
	for i, key := range r.VKeys {
		verifier, err := parse(key)
		if err != nil {
			return nil, fmt.Errorf("key %d: %w", i, err)
		}
		verifiers[i] = verifier
	}
	opened, err := note.Open(r.Note, note.VerifierList(verifiers...))
	if err != nil {
		return nil, err
	}
	var signatures []string
	for _, s := range opened.Sigs {
		signatures = append(signatures, fmt.Sprintf("%s+%08x", s.Name, s.Hash))
	}
	return answer{"text": []byte(opened.Text), "verified": signatures}, nil
}

// mldsaKeys turns a seed into both halves of an ML-DSA-44 key; only the arithmetic is the library's.
func mldsaKeys(r *request) (answer, error) {
	key, err := mldsa.NewPrivateKey(mldsa.MLDSA44(), r.Seed)
	if err != nil {
		return nil, err
	}
	skey := "PRIVATE+KEY+" + r.Name + "+00000000+" + base64.StdEncoding.EncodeToString(append([]byte{6}, r.Seed...))
	signer, err := f_note.NewMLDSASigner(skey)
	if err != nil {
		return nil, err
	}
	public := key.PublicKey().Bytes()
	vkey := fmt.Sprintf("%s+%08x+%s", r.Name, signer.KeyHash(), base64.StdEncoding.EncodeToString(append([]byte{6}, public...)))
	return answer{"skey": skey, "vkey": vkey, "public": public}, nil
}

func signSubtree(r *request) (answer, error) {
	signer, err := f_note.NewMLDSASigner(r.SKeys[0])
	if err != nil {
		return nil, err
	}
	signature, err := signer.SignSubtree(r.Time, r.Name, r.Start, r.End, r.Root)
	return answer{"sig": signature}, err
}

func verifySubtree(r *request) (answer, error) {
	verifier, err := f_note.NewMLDSAVerifier(r.VKeys[0])
	if err != nil {
		return nil, err
	}
	if !verifier.VerifySubtree(r.Time, r.Name, r.Start, r.End, r.Root, r.Sig) {
		return nil, fmt.Errorf("the signature of the subtree is not valid")
	}
	return answer{}, nil
}
