// Package sparekey holds the nouns and the pure rules of Sparekey, the account
// server that lets the rightful owner back in and keeps everybody else out.
//
// Start with [Flow]: one visit to the door, from "who are you" to "done". A
// flow has a [Purpose], which says how many proofs are enough and what happens
// then, and moves through its steps only forward:
//
//	           session present: skipped
//	Identify ─────────────────────────▶ Verify ──enough proofs──▶ Act ──▶ Done
//	  POST /recover {login}               │ ▲ wrong: a try
//	  (nobody's: a ghost, same path)      │ │ "Get code" after 60 s
//	                                      └─┘ "Other ways": new Challenge, Proofs stay
//
// A flow asks one [Challenge] at a time. A checked answer, and nothing else,
// writes a [Proof]; the right to act is a question put to the rows of proofs.
// A flow that is about nobody, a ghost, walks the same path with the same
// statements and never arrives.
//
// The packages under internal/ carry the machine out: flow runs it, way checks
// an answer, store keeps the rows, outbox sends what was written, web and page
// show where a flow stands. internal/app builds everything, top to bottom.
//
// There is no promise of a stable Go API before version 1.0.
package sparekey
