package account

import (
	"context"
	"encoding/json"
	"strings"
	"time"
)

// What an account's owner gets who asks for their data: all that is kept about
// them, but for what would open something.
type (
	export struct {
		Account     string             `json:"account"`
		Name        string             `json:"name"`
		Language    string             `json:"language"`
		Created     time.Time          `json:"created"`
		TwoProofs   bool               `json:"asks_for_two_proofs"`
		Identifiers []exportIdentifier `json:"identifiers"`
		Ways        []exportWay        `json:"ways_to_verify"`
		Devices     []exportDevice     `json:"devices"`
		Activity    []exportActivity   `json:"activity"`
		Exported    time.Time          `json:"exported"`
	}
	exportIdentifier struct {
		Kind   string     `json:"kind"`
		Value  string     `json:"value"`
		Added  time.Time  `json:"added"`
		Proved *time.Time `json:"proved"`
		Asleep *time.Time `json:"asleep_since,omitempty"`
	}
	exportWay struct {
		Kind    string     `json:"kind"`
		Name    string     `json:"name,omitempty"`
		Added   time.Time  `json:"added"`
		Changed time.Time  `json:"changed"`
		Dropped *time.Time `json:"dropped,omitempty"`
		Asleep  *time.Time `json:"asleep_since,omitempty"`
	}
	exportDevice struct {
		Browser  string    `json:"browser"`
		Address  string    `json:"address"`
		SignedIn time.Time `json:"signed_in"`
		LastSeen time.Time `json:"last_seen"`
		Expires  time.Time `json:"expires"`
		Shared   bool      `json:"shared_computer"`
	}
	exportActivity struct {
		At      time.Time `json:"at"`
		What    string    `json:"what"`
		About   string    `json:"about,omitempty"`
		How     []string  `json:"how,omitempty"`
		Times   int       `json:"times,omitempty"`
		Browser string    `json:"browser,omitempty"`
		Address string    `json:"address,omitempty"`
	}
)

// Export gives all that is kept about an account, as JSON for people to read
// and programs to take over.
func (s *Service) Export(ctx context.Context, id string) ([]byte, error) {
	v, err := s.Of(ctx, id)
	if err != nil {
		return nil, err
	}
	out := export{
		Account: v.ID, Name: v.Name, Language: v.Lang, Created: v.Created, TwoProofs: v.TwoProofs, Exported: s.Now().UTC(),
		Identifiers: []exportIdentifier{}, Ways: []exportWay{}, Devices: []exportDevice{}, Activity: []exportActivity{},
	}
	for _, i := range v.Identifiers {
		out.Identifiers = append(out.Identifiers, exportIdentifier{i.Kind, i.Shown, i.Added, moment(i.Proved), moment(i.Asleep)})
	}
	ways, err := s.Store.Credentials(ctx, id)
	if err != nil {
		return nil, err
	}
	for _, w := range ways {
		out.Ways = append(out.Ways, exportWay{string(w.Kind), w.Name, w.Added, w.Changed, moment(w.Dropped), moment(w.Asleep)})
	}
	sessions, err := s.Store.SessionsOf(ctx, id, s.Now())
	if err != nil {
		return nil, err
	}
	for _, in := range sessions {
		out.Devices = append(out.Devices, exportDevice{in.On, in.From, in.Created, in.Seen, in.Expires, in.Shared})
	}
	activity, err := s.Activity(ctx, id)
	if err != nil {
		return nil, err
	}
	for _, a := range activity {
		e := exportActivity{At: a.Facts.At, What: string(a.Kind), About: strings.TrimSpace(a.About), Times: a.Failed, Browser: a.Facts.On, Address: a.Facts.From}
		if a.Failed > 0 {
			e.What = "password-tried-and-failed"
		}
		for _, w := range a.How {
			e.How = append(e.How, string(w))
		}
		out.Activity = append(out.Activity, e)
	}
	return json.MarshalIndent(out, "", "  ")
}

// moment is a time that may never have come.
func moment(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}
