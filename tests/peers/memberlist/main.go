// A memberlist node as MetalLB's speakers run it, for tests: it reports what it sees as lines of
// JSON and answers the commands members, owner and leave, one a line.
package main

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"flag"
	"io"
	"log"
	"os"
	"sort"
	"strings"
	"sync"
	"time"

	"github.com/hashicorp/memberlist"
)

var say = struct {
	sync.Mutex
	*json.Encoder
}{Encoder: json.NewEncoder(os.Stdout)}

func tell(what map[string]interface{}) {
	say.Lock()
	defer say.Unlock()
	_ = say.Encode(what)
}

type events struct{}

func (events) NotifyJoin(n *memberlist.Node)   { tell(map[string]interface{}{"event": "join", "node": n.Name}) }
func (events) NotifyLeave(n *memberlist.Node)  { tell(map[string]interface{}{"event": "leave", "node": n.Name}) }
func (events) NotifyUpdate(n *memberlist.Node) { tell(map[string]interface{}{"event": "update", "node": n.Name}) }

// The rule of MetalLB v0.11 and later: the least SHA-256 of "NODE#ADDRESS" owns the address.
func owner(names []string, text string) string {
	sorted := append([]string(nil), names...)
	sort.Slice(sorted, func(i, j int) bool {
		a := sha256.Sum256([]byte(sorted[i] + "#" + text))
		b := sha256.Sum256([]byte(sorted[j] + "#" + text))
		return bytes.Compare(a[:], b[:]) < 0
	})
	return sorted[0]
}

func main() {
	name := flag.String("name", "", "node name")
	bind := flag.String("bind", "", "address")
	port := flag.Int("port", 7946, "port")
	key := flag.String("key-hex", "", "secret key")
	join := flag.String("join", "", "addresses, by comma")
	flag.Parse()
	config := memberlist.DefaultLANConfig()
	config.Name = *name
	config.BindAddr = *bind
	config.AdvertiseAddr = *bind
	config.BindPort = *port
	config.AdvertisePort = *port
	config.Events = events{}
	config.Logger = log.New(io.Discard, "", 0)
	if *key != "" {
		secret, err := hex.DecodeString(*key)
		if err != nil {
			log.Fatal(err)
		}
		config.SecretKey = secret
	}
	list, err := memberlist.Create(config)
	if err != nil {
		log.Fatal(err)
	}
	if *join != "" {
		go func() {
			for {
				if _, err := list.Join(strings.Split(*join, ",")); err == nil {
					return
				}
				time.Sleep(200 * time.Millisecond)
			}
		}()
	}
	tell(map[string]interface{}{"event": "ready", "node": *name})
	lines := bufio.NewScanner(os.Stdin)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		words := strings.Fields(lines.Text())
		if len(words) == 0 {
			continue
		}
		names := []string{}
		for _, member := range list.Members() {
			names = append(names, member.Name)
		}
		sort.Strings(names)
		switch words[0] {
		case "members":
			tell(map[string]interface{}{"members": names})
		case "owner":
			owners := map[string]string{}
			for _, text := range words[1:] {
				owners[text] = owner(names, text)
			}
			tell(map[string]interface{}{"owners": owners})
		case "leave":
			_ = list.Leave(time.Second)
			_ = list.Shutdown()
			os.Exit(0)
		}
	}
}
