// Puts the reader of QR codes into one script, for internal/page/assets/made. It
// gives the page one function: sparekeyScanner.decode(picture), which throws where
// there is no code.
import { build } from 'esbuild';

await build({
  stdin: { contents: "export { default as decode } from 'qr/decode.js';", resolveDir: process.cwd() },
  bundle: true, minify: true, format: 'iife', globalName: 'sparekeyScanner', target: 'es2020', legalComments: 'inline',
  outfile: 'internal/page/assets/made/scanner.js',
});
