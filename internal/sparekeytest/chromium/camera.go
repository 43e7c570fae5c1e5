package chromium

import (
	"bytes"
	"errors"
	"fmt"
	"image"
	"image/color"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/chromedp/cdproto/browser"
	"github.com/chromedp/chromedp"
)

// The camera of all tabs sees what stands in this file, over and over again.
const cameraFile = "camera.y4m"

const (
	cameraWide, cameraHigh = 640, 480
	cameraFrames           = 12
)

// theCamera is the one of this process: tests that use it take turns.
var theCamera sync.Mutex

// Camera holds a picture before the camera of the computer, by a hand that is not
// quite still, until the test ends. Another test that uses it waits for that.
// Where there is no picture, there is no camera.
func (b *Browser) Camera(t testing.TB) (show func(picture image.Image)) {
	t.Helper()
	theCamera.Lock()
	t.Cleanup(theCamera.Unlock)
	return func(picture image.Image) {
		t.Helper()
		file := filepath.Join(b.folder, cameraFile)
		err := os.Remove(file)
		if picture != nil {
			err = os.WriteFile(file, film(picture), 0o644)
		}
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			t.Fatal(err)
		}
	}
}

// film is a picture as a camera films it: in the middle, three fifths as high as
// what it sees, and each time a little elsewhere (YUV4MPEG2).
func film(picture image.Image) []byte {
	var out bytes.Buffer
	fmt.Fprintf(&out, "YUV4MPEG2 W%d H%d F10:1 Ip A1:1 C420jpeg\n", cameraWide, cameraHigh)
	box := picture.Bounds()
	size := cameraHigh * 3 / 5
	for frame := range cameraFrames {
		out.WriteString("FRAME\n")
		left, top := (cameraWide-size)/2+3*(frame%4), (cameraHigh-size)/2+2*(frame%3)
		for y := range cameraHigh {
			for x := range cameraWide {
				light := byte(200) // a table
				if x >= left && x < left+size && y >= top && y < top+size {
					at := picture.At(box.Min.X+(x-left)*box.Dx()/size, box.Min.Y+(y-top)*box.Dy()/size)
					light = color.GrayModel.Convert(at).(color.Gray).Y
				}
				out.WriteByte(light)
			}
		}
		out.Write(bytes.Repeat([]byte{128}, cameraWide*cameraHigh/2))
	}
	return out.Bytes()
}

// Permit says whether the pages of the tab's profile may use something: "camera",
// "notifications".
func (t *Tab) Permit(what string, may bool) {
	t.t.Helper()
	ctx, cancel := t.within(patience)
	defer cancel()
	setting := browser.PermissionSettingDenied
	if may {
		setting = browser.PermissionSettingGranted
	}
	_, err := chromedp.CallBrowser(ctx, browser.SetPermission, browser.SetPermissionParams{
		Permission: &browser.PermissionDescriptor{Name: what}, Setting: setting, Origin: t.o.Base,
		BrowserContextID: chromedp.FromContext(t.ctx).BrowserContextID,
	})
	if err != nil {
		t.t.Fatalf("permit %s: %v", what, err)
	}
}
