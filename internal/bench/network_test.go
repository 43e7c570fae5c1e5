package bench

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"sparekey/internal/sparekeytest/site"
)

// aloneWith makes this program one in a network of its own. It is the server that
// is tested there.
const aloneWith = "BENCH_ALONE" // servers refuse SPAREKEY_ settings that they do not know

// A server connects to nothing but its mail server: while somebody registers, signs
// in, pairs a phone, signs in by it, recovers the account, and the server starts and
// ends. It has a network of its own for that, in which every address is this
// machine, so that whatever it would reach elsewhere is seen to leave.
func TestConnectsToTheMailServerAlone(t *testing.T) {
	if program := os.Getenv(aloneWith); program != "" {
		alone(t, program)
		return
	}
	cmd := exec.Command(os.Args[0], "-test.run=^"+t.Name()+"$", "-test.v")
	cmd.Env = append(os.Environ(), aloneWith+"="+site.Build(t))
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags:  syscall.CLONE_NEWUSER | syscall.CLONE_NEWNET,
		UidMappings: []syscall.SysProcIDMap{{HostID: os.Getuid(), Size: 1}},
		GidMappings: []syscall.SysProcIDMap{{HostID: os.Getgid(), Size: 1}},
		Pdeathsig:   syscall.SIGKILL,
	}
	out, err := cmd.CombinedOutput()
	if err != nil || !strings.Contains(string(out), "--- PASS") {
		t.Fatalf("in a network of its own: %v\n%s", err, out)
	}
	t.Logf("%s", out)
}

func alone(t *testing.T, program string) {
	w := everyAddressIsHere(t)
	s := &place{Site: site.New(t, program, "sqlite"), t: t}
	s.Server = s.Site.Start()
	s.Register(s.Server, owner)
	phone := s.pairs(owner)
	screen := s.shows(s.Server)
	s.until(screen, "waiting")
	phone.approves(phone.scans(screen.Code))
	s.until(screen, "approved")
	screen.end()
	s.recoverNow(owner, "seven slow otters")
	s.Stop()
	got := w.sent()
	t.Logf("%d connections to the mail server, for %d mails", got[s.Office.Addr], len(s.Office.Mails(0)))
	if got[s.Office.Addr] == 0 {
		t.Error("got no connection to the mail server, want some")
	}
	for _, ours := range []string{s.Office.Addr, s.Addr, s.Admin} {
		delete(got, ours)
	}
	if len(got) > 0 {
		t.Errorf("got connections to %v, want none but to the mail server", got)
	}

	// It would have been seen.
	for _, elsewhere := range []string{"192.0.2.1:443", "[2001:db8::1]:443"} {
		if c, err := net.DialTimeout("tcp", elsewhere, time.Second); err == nil {
			c.Close()
		}
		whisper(t, elsewhere)
		if got := w.sent(); got[elsewhere] == 0 || got["udp "+elsewhere] == 0 {
			t.Errorf("got connections to %v, want %s by each way: else it proves nothing", got, elsewhere)
		}
	}
}

// whisper sends a packet without a connection.
func whisper(t *testing.T, to string) {
	t.Helper()
	c, err := net.Dial("udp", to)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, err := c.Write([]byte("?")); err != nil {
		t.Fatal(err)
	}
}

// A wire is the network of this process, as it is seen by whoever listens in.
type wire struct {
	t      *testing.T
	marked chan bool // that the mark came by

	mu  sync.Mutex
	got map[string]int
}

// mark is where nobody else sends anything.
const mark = "127.0.0.9:9"

// everyAddressIsHere has whatever is sent to any address arrive here.
func everyAddressIsHere(t *testing.T) *wire {
	t.Helper()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	lo, err := net.InterfaceByName("lo")
	must(err)
	control, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	must(err)
	defer unix.Close(control)
	up, err := unix.NewIfreq("lo")
	must(err)
	up.SetUint16(unix.IFF_UP)
	must(unix.IoctlIfreq(control, unix.SIOCSIFFLAGS, up))
	for _, family := range []byte{unix.AF_INET, unix.AF_INET6} {
		must(route(family, uint32(lo.Index)))
	}
	fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	must(err)
	const everything = unix.ETH_P_ALL<<8&0xff00 | unix.ETH_P_ALL>>8 // in the order of the network
	must(unix.Bind(fd, &unix.SockaddrLinklayer{Protocol: everything, Ifindex: lo.Index}))
	w := &wire{t: t, marked: make(chan bool), got: map[string]int{}}
	go w.listen(fd)
	return w
}

// route tells the kernel that all addresses of a family are its own.
func route(family byte, lo uint32) error {
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.NETLINK_ROUTE)
	if err != nil {
		return fmt.Errorf("open netlink: %w", err)
	}
	defer unix.Close(fd)
	order := binary.NativeEndian
	message := order.AppendUint32(nil, unix.SizeofNlMsghdr+unix.SizeofRtMsg+unix.SizeofRtAttr+4)
	message = order.AppendUint16(message, unix.RTM_NEWROUTE)
	message = order.AppendUint16(message, unix.NLM_F_REQUEST|unix.NLM_F_CREATE|unix.NLM_F_ACK)
	message = append(message, make([]byte, 8)...) // no number, nobody's
	message = append(message, family, 0, 0, 0, unix.RT_TABLE_LOCAL, unix.RTPROT_BOOT, unix.RT_SCOPE_HOST, unix.RTN_LOCAL)
	message = append(message, make([]byte, 4)...) // no flags
	message = order.AppendUint16(message, unix.SizeofRtAttr+4)
	message = order.AppendUint16(message, unix.RTA_OIF)
	message = order.AppendUint32(message, lo)
	if err := unix.Sendto(fd, message, 0, &unix.SockaddrNetlink{Family: unix.AF_NETLINK}); err != nil {
		return fmt.Errorf("send a route: %w", err)
	}
	answer := make([]byte, 4096)
	n, _, err := unix.Recvfrom(fd, answer, 0)
	if err != nil || n < unix.SizeofNlMsghdr+4 {
		return fmt.Errorf("read %d bytes about a route: %w", n, err)
	}
	if no := int32(order.Uint32(answer[unix.SizeofNlMsghdr:])); no != 0 {
		return fmt.Errorf("route: %w", syscall.Errno(-no))
	}
	return nil
}

// listen notes what is sent, until the process ends.
func (w *wire) listen(fd int) {
	for packet := make([]byte, 64<<10); ; {
		n, from, err := unix.Recvfrom(fd, packet, 0)
		if errors.Is(err, unix.EINTR) {
			continue
		}
		lost, no := unix.GetsockoptTpacketStats(fd, unix.SOL_PACKET, unix.PACKET_STATISTICS)
		if err != nil || no != nil || lost.Drops > 0 {
			panic(fmt.Sprintf("listen in: %v, %v, %+v", err, no, lost))
		}
		if from.(*unix.SockaddrLinklayer).Pkttype != unix.PACKET_OUTGOING {
			continue // it comes back
		}
		switch to := begins(packet[:n]); to {
		case "":
		case "udp " + mark:
			w.marked <- true
		default:
			w.mu.Lock()
			w.got[to]++
			w.mu.Unlock()
		}
	}
}

// sent gives how often something was sent since it was last asked, by where to:
// connections that were begun, and all that is not TCP, with what it is.
func (w *wire) sent() map[string]int {
	w.t.Helper()
	whisper(w.t, mark)
	<-w.marked
	w.mu.Lock()
	defer w.mu.Unlock()
	got := w.got
	w.got = map[string]int{}
	return got
}

// begins gives where a packet goes if it begins something. What the kernel says by
// itself, of ports where nobody listens and of neighbours, does not.
func begins(packet []byte) string {
	to, kind, rest := netip.Addr{}, byte(0), []byte(nil)
	switch packet[0] >> 4 {
	case 4:
		to, kind, rest = netip.AddrFrom4([4]byte(packet[16:20])), packet[9], packet[4*(packet[0]&15):]
	case 6:
		to, kind, rest = netip.AddrFrom16([16]byte(packet[24:40])), packet[6], packet[40:]
	}
	const syn, ack = 2, 16
	switch kind {
	case unix.IPPROTO_ICMP, unix.IPPROTO_ICMPV6, unix.IPPROTO_HOPOPTS:
		return ""
	case unix.IPPROTO_TCP, unix.IPPROTO_UDP:
		at := netip.AddrPortFrom(to, binary.BigEndian.Uint16(rest[2:])).String()
		if kind == unix.IPPROTO_UDP {
			return "udp " + at
		}
		if rest[13]&(syn|ack) == syn {
			return at
		}
		return ""
	}
	return fmt.Sprintf("protocol %d to %s", kind, to)
}
