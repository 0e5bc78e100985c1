// Logs by somebody else: written from docs/log-format.md with Go's transparency-log and signed-note packages, of which no line is ours.
//
//	tlog check LOGDIR HOSTPUB <LINES   checks hashes, roots, proofs and signatures of a log; LINES are its entries
//	tlog make DIR ENTRIES              writes a sealed log into DIR/log, and DIR/host.pub
package main

import (
	"bufio"
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"log"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

const (
	segment = 1024
	every   = 4096
	session = "20261124-131500-3fa9c1d20b7e"
	origin  = "brattice/session/" + session
)

// tree keeps all hashes of a tlog in memory.
type tree struct {
	hashes []tlog.Hash
	size   int64
}

func (t *tree) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	out := make([]tlog.Hash, len(indexes))
	for i, x := range indexes {
		out[i] = t.hashes[x]
	}
	return out, nil
}

func (t *tree) add(line []byte) {
	h, err := tlog.StoredHashes(t.size, line, t)
	must(err)
	t.hashes = append(t.hashes, h...)
	t.size++
}

func (t *tree) root(n int64) tlog.Hash {
	if n == 0 {
		return sha256.Sum256(nil) // this version of the package has no root for the empty tree
	}
	h, err := tlog.TreeHash(n, t)
	must(err)
	return h
}

func must(err error) {
	if err != nil {
		log.Fatal(err)
	}
}

func want(ok bool, format string, args ...any) {
	if !ok {
		log.Fatalf(format, args...)
	}
}

// notes splits a file of signed notes that stand one after the other.
func notes(data []byte) (out [][]byte) {
	var cur []byte
	signed := false
	for _, line := range bytes.SplitAfter(data, []byte("\n")) {
		is := bytes.HasPrefix(line, []byte("— "))
		if signed && !is && len(line) > 0 {
			out = append(out, cur)
			cur = nil
		}
		signed = is
		cur = append(cur, line...)
	}
	return append(out, cur)
}

func open(msg []byte, keys ...string) string {
	var vs []note.Verifier
	for _, k := range keys {
		v, err := note.NewVerifier(k)
		must(err)
		vs = append(vs, v)
	}
	n, err := note.Open(msg, note.VerifierList(vs...))
	must(err)
	return n.Text
}

func read(parts ...string) []byte {
	data, err := os.ReadFile(filepath.Join(parts...))
	must(err)
	return data
}

func check(dir, hostFile string) {
	host := strings.TrimSpace(string(read(hostFile)))
	cert := strings.Split(open(read(dir, "certificate"), host), "\n")
	want(len(cert) == 5 && cert[0] == "brattice/certificate/v1", "certificate: %q", cert)
	_, err := time.Parse(time.RFC3339, cert[3])
	must(err)

	var t tree
	var leaves []byte
	in := bufio.NewReaderSize(os.Stdin, 1<<20)
	for {
		line, err := in.ReadBytes('\n')
		if err != nil {
			break
		}
		line = line[:len(line)-1]
		h := tlog.RecordHash(line)
		leaves = append(leaves, h[:]...)
		t.add(line)
	}
	want(bytes.Equal(leaves, read(dir, "hashes")), "hashes are not those of the entries")

	count, last := 0, int64(-1)
	for _, msg := range notes(read(dir, "checkpoints")) {
		text := strings.Split(open(msg, cert[2], host), "\n")
		want(len(text) == 4 && text[0] == cert[1] && text[3] == "", "checkpoint: %q", text)
		size, err := strconv.ParseInt(text[1], 10, 64)
		must(err)
		root := t.root(size)
		want(text[2] == base64.StdEncoding.EncodeToString(root[:]), "the root at %d is another one", size)
		want(size >= last && (count > 0 || size == 0), "checkpoint of size %d after %d", size, last)
		if last > 0 {
			p, err := tlog.ProveTree(size, last, &t)
			must(err)
			must(tlog.CheckTree(p, size, root, last, t.root(last)))
		}
		last = size
		count++
	}
	want(last == t.size, "%d entries, but the last checkpoint covers %d", t.size, last)
	fmt.Printf("%d entries, %d checkpoints\n", t.size, count)
}

// key makes a signer and the verifier key of the same name.
func key(name string) (note.Signer, string) {
	skey, vkey, err := note.GenerateKey(rand.Reader, name)
	must(err)
	s, err := note.NewSigner(skey)
	must(err)
	return s, vkey
}

func sign(text string, s note.Signer) []byte {
	msg, err := note.Sign(&note.Note{Text: text}, s)
	must(err)
	return msg
}

// indexRecord is what docs/log-format.md says of a segment of execs, the last of which may be the seal.
func indexRecord(first int64, lines [][]byte, from, to uint64, types uint32) []byte {
	r := make([]byte, 64)
	plain := 0
	for _, l := range lines {
		plain += len(l) + 1
	}
	le := binary.LittleEndian
	le.PutUint64(r[0:], uint64(first))
	le.PutUint32(r[8:], uint32(len(lines)))
	le.PutUint64(r[16:], from)
	le.PutUint64(r[24:], to)
	le.PutUint32(r[32:], types)
	le.PutUint32(r[36:], uint32(plain))
	return r
}

func put(data []byte, parts ...string) {
	must(os.WriteFile(filepath.Join(parts...), data, 0o600))
}

func build(dir string, n int64) {
	logdir := filepath.Join(dir, "log")
	must(os.MkdirAll(logdir, 0o700))
	hostSigner, hostKey := key("brattice/host/go")
	signer, vkey := key(origin)
	put([]byte(hostKey+"\n"), dir, "host.pub")
	put(sign("brattice/certificate/v1\n"+origin+"\n"+vkey+"\n2026-11-24T13:15:00Z\n", hostSigner), logdir, "certificate")

	var t tree
	var hashes, checkpoints, index []byte
	var lines [][]byte
	checkpoint := func() {
		root := t.root(t.size)
		checkpoints = append(checkpoints, sign(fmt.Sprintf("%s\n%d\n%s\n", origin, t.size, base64.StdEncoding.EncodeToString(root[:])), signer)...)
	}
	flush := func(types uint32) {
		first := t.size - int64(len(lines))
		put(append(bytes.Join(lines, []byte("\n")), '\n'), logdir, fmt.Sprintf("%06d.jsonl", first/segment))
		us := func(i int64) uint64 { return uint64(1795540000)*1e6 + uint64(i) }
		index = append(index, indexRecord(first, lines, us(first), us(t.size-1), types)...)
		lines = nil
	}
	checkpoint()
	for i := int64(0); i < n; i++ {
		line := fmt.Sprintf(`{"t":1795540000.%06d,"m":100.%06d,"type":"exec","exec":%d,"argv":["é","%s"]}`, i, i, i+1, strings.Repeat("x", int(i%50)))
		if i == n-1 {
			line = fmt.Sprintf(`{"t":1795540000.%06d,"m":100.%06d,"type":"sealed","entries":%d,"reason":"end"}`, i, i, n)
		}
		h := tlog.RecordHash([]byte(line))
		hashes = append(hashes, h[:]...)
		t.add([]byte(line))
		lines = append(lines, []byte(line))
		types := uint32(1 << 2)
		if i == n-1 {
			types |= 1 << 11
		}
		if t.size%segment == 0 || i == n-1 {
			flush(types)
		}
		if t.size%every == 0 || i == n-1 {
			checkpoint()
		}
	}
	put(hashes, logdir, "hashes")
	put(checkpoints, logdir, "checkpoints")
	put(index, logdir, "index")
}

func main() {
	log.SetFlags(0)
	switch {
	case len(os.Args) == 4 && os.Args[1] == "check":
		check(os.Args[2], os.Args[3])
	case len(os.Args) == 4 && os.Args[1] == "make":
		n, err := strconv.ParseInt(os.Args[3], 10, 64)
		must(err)
		want(n >= 2, "at least 2 entries")
		build(os.Args[2], n)
	default:
		log.Fatal("usage: tlog check LOGDIR HOSTPUB <LINES | tlog make DIR ENTRIES")
	}
}
