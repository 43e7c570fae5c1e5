// Package prove measures what a stranger could: whether a server takes longer,
// or does something first, for those it knows. It looks from the outside, over
// HTTP, and knows nothing of the server, so that any can be measured by it.
//
// The unit is a shuffled block of four requests, two about somebody known and
// two about nobody, each from a stranger who was never there before. What a
// block says is the difference between the faster one of each two: noise only
// ever adds time, and what drifts, drifts for all four. The median of many
// blocks has an interval that needs no assumption about how the noise is
// distributed. A server passes if the whole interval lies within what is
// allowed, and not because nothing was found: a machine too noisy to find
// anything makes the measurement invalid.
package prove
