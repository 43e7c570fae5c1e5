// Makes internal/password/data/common.txt.gz, the list of passwords that
// attackers try first, from the npm package @zxcvbn-ts/language-common.
//
// One entry a line, the most common first, lower case, each once. Short ones
// stay in the file, so that its order is that of the source; the program
// keeps those that its own shortest length does not refuse already.
//
//     npm ci && node scripts/common-passwords.mjs

import { mkdirSync, renameSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { gzipSync } from 'node:zlib'

const root = join(dirname(fileURLToPath(import.meta.url)), '..')
const target = join(root, 'internal', 'password', 'data', 'common.txt.gz')

// The list has about 49,000 entries. Far fewer mean that the package has
// changed its shape, and a short list must not pass for the whole one.
const fewest = 40_000

let ranked
try {
  const { dictionary } = createRequire(import.meta.url)('@zxcvbn-ts/language-common')
  ranked = dictionary['passwords-common']
} catch (err) {
  if (err.code !== 'MODULE_NOT_FOUND') throw err
  console.error('common-passwords: the package @zxcvbn-ts/language-common is not here: run npm ci first')
  process.exit(1)
}

const entries = [...new Set(ranked.map((entry) => entry.normalize('NFC').toLowerCase()))]
  .filter((entry) => entry !== '' && !/[\r\n]/.test(entry))
  .sort() // as the program keeps them
if (entries.length < fewest) {
  console.error(`common-passwords: the list has ${entries.length} entries, want at least ${fewest}`)
  process.exit(1)
}

// Written beside and renamed: a build that is cut off leaves no half a list.
mkdirSync(dirname(target), { recursive: true })
writeFileSync(target + '.part.gz', gzipSync(entries.join('\n') + '\n', { level: 9 }))
renameSync(target + '.part.gz', target)
console.log(`common-passwords: ${entries.length} entries in internal/password/data/common.txt.gz`)
