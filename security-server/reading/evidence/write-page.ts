/**
 * The page of a bundle that people read and print: what was exchanged, and how to verify it without this
 * page. The page proves nothing itself and says so. It loads no resource and runs no script.
 */
import { circumstancesInWords } from '#core/circumstances/in-words.ts'
import { circumstancesEntry, readCircumstances } from '#core/circumstances/read.ts'
import type { LeafFields } from '#core/merkle/leaf-form.ts'
import type { Metadata } from '../../message-log/record-input.ts'

export type PageRecord = {
  index: number
  form: string
  metadata: Metadata | undefined
  /** The document whose hash the metadata name. */
  circumstances: Buffer | undefined
  stamped: string | undefined
  erased: string | undefined
  hasContainer: boolean
}

const STYLE = `body{font:16px/1.5 system-ui,sans-serif;max-width:52rem;margin:2rem auto;padding:0 1rem;color:#1b1f24}
h1,h2{line-height:1.2}table{border-collapse:collapse;width:100%}th,td{text-align:left;vertical-align:top;
padding:.3rem .8rem .3rem 0;border-bottom:1px solid #ccd2d9}th{width:13rem;font-weight:600}td{overflow-wrap:anywhere}
pre{background:#f3f5f7;padding:.8rem;white-space:pre-wrap;overflow-wrap:anywhere}.note{border-left:.3rem solid #5b6b7b;padding-left:1rem}
@media print{body{margin:0;max-width:none}section{break-inside:avoid}}`

/** Shell commands for the folder of an unzipped bundle. docs/tours/checking-evidence.md shows the same. */
const COMMANDS = String.raw`for c in time-stamps/*/certificate-*.der checkpoint-signer/certificate-*.der; do openssl x509 -inform DER -in $c; done > chain.pem
openssl x509 -inform DER -in checkpoint-signer/certificate-1.der > ca.pem
openssl x509 -inform DER -in $(ls time-stamps/*/certificate-*.der | tail -1) > root.pem
openssl x509 -in root.pem -noout -subject -fingerprint -sha256
for record in records/*; do (
  cd $record && unzip -q message.asice
  sed -n 's|.*<ds:X509Certificate>\([^<]*\)<.*|\1|p' META-INF/signatures.xml | base64 -d | openssl x509 -inform DER > signer.pem
  openssl x509 -in signer.pem -noout -subject
  xmlsec1 --verify --trusted-pem ../../root.pem --untrusted-pem ../../ca.pem --id-attr:Id SignedProperties \
    $(ls | sed -nE 's#^(message\.xml|attachment[0-9]+|sig-hashchainresult\.xml)$#--url-map:/\1 \1#p') META-INF/signatures.xml
  for part in $( (ls; cat sig-hashchain.xml META-INF/signatures.xml) 2> /dev/null | grep -oE 'message\.xml|attachment[0-9]+' | sort -u); do
    digest=$(openssl dgst -sha512 -binary $part | base64 -w0)
    cat sig-hashchain.xml META-INF/signatures.xml 2> /dev/null | tr -d '\n' |
      grep -o "\"/$part\"[^\"]*\(Algorithm=\"[^\"]*\"[^\"]*\)*<[a-z0-9]*:*DigestValue>$digest<" || echo "$part is NOT what was signed"
  done
  [ ! -e sig-hashchain.xml ] || echo "these digests stand in a hash chain: that it leads to what is signed is not checked here"
  for answer in ../../time-stamps/*/ocsp-*.der; do
    openssl ocsp -respin $answer -issuer ../../ca.pem -cert signer.pem -CAfile ../../root.pem -verify_other ../../chain.pem
  done
) done
openssl ts -verify -data time-stamps/*/ts-hashchainresult.xml -in time-stamps/*/token.tst -token_in -CAfile root.pem -untrusted chain.pem
openssl ts -reply -in time-stamps/*/token.tst -token_in -text | grep Time`

export function writePage(q: { server: string; made: string; records: PageRecord[] }): string {
  const sections = q.records.map(section).join('\n')
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>Evidence from ${escaped(q.server)}</title><style>${STYLE}</style></head><body>
<main><h1>Evidence of an exchange</h1>
<p>From the message log of the security server <strong>${escaped(q.server)}</strong>, made at ${escaped(q.made)} (UTC).</p>
<p class="note">This page tells what the other files of the bundle say. It proves nothing itself: anybody could have written it.
What proves it is checked as described at the end.</p>
${sections}
<section><h2>How to check it</h2>
<p>With Concordat, without any network:</p>
<pre>concordat verify &lt;this bundle.zip&gt;
concordat verify &lt;this bundle.zip&gt; --conf &lt;a configuration that you trust&gt;</pre>
<p>The bundle brings the configuration of its own instance. Whoever does not trust where the bundle comes from names one
that they got themselves: the registry's anchor, or the file of GET /verificationconf.</p>
<p>With public tools, in a folder of its own into which the bundle was unzipped. The root certificate is the one that the bundle
brings: compare its fingerprint with the one that its authority publishes, or put that authority's own in its place.</p>
<pre>${COMMANDS.split('\n').map(escaped).join('\n')}</pre>
<p>What it has to say: of each message <code>OK</code>, and of the message and each attachment
its name with the digest that is signed, never <code>NOT what was signed</code>. Where they are signed through a hash chain, which is said
behind them, that holds only if the chain leads to the signed value: <code>concordat verify</code> and docs/evidence-bundle.md check that; of each signer <code>good</code> in one of the answers
(the others are about other certificates) and <code>Response verify OK</code>; of the time-stamp <code>Verification: OK</code>, and since
when. A batch that was stamped alone has no <code>ts-hashchainresult.xml</code>: its stamp is over the signature value.</p>
<p>The place of a record in the log is checked with SHA-256 alone; docs/evidence-bundle.md and docs/message-log-format.md of
Concordat say how, to the byte.</p></section>
</main></body></html>
`
}

function section(record: PageRecord): string {
  const { index, form, metadata, stamped, erased, hasContainer } = record
  const fields = JSON.parse(form) as LeafFields
  const content =
    erased === undefined
      ? hasContainer
        ? `records/${index}/message.asice`
        : 'not kept'
      : `erased on ${erased}; the proof of its place remains`
  const rows: [string, string | undefined][] = [
    ['Time', fields.time],
    ['Direction', fields.direction === 'out' ? 'sent' : fields.direction === 'in' ? 'received' : undefined],
    ['Client', metadata?.client],
    ['Service', metadata?.service],
    ['Other security server', metadata?.peer],
    ['Message id', metadata?.id],
    ['Request id', metadata?.requestId],
    ['Outcome', fields.outcome === '' ? undefined : fields.outcome],
    ['Answers record', metadata?.answers === undefined ? undefined : String(metadata.answers)],
    ['Time-stamped', stamped],
    ['Signed message', content],
  ]
  return `<section><h2>Record ${index}: ${escaped(fields.kind)}</h2>${table(rows)}${heldAt(record)}</section>`
}

/** The document needs no proof of its own: its hash is in the metadata that the leaf commits to. */
function heldAt({ form, metadata, circumstances }: PageRecord): string {
  const { contract, kind } = JSON.parse(form) as LeafFields
  if (kind !== 'request' && metadata?.configuration === undefined) return ''
  const rows: [string, string | undefined][] = [
    ...(circumstances === undefined || metadata?.circumstances === undefined
      ? ([['Contract', contract === '' ? 'none' : contract]] as [string, string][])
      : circumstancesInWords(readCircumstances(circumstances, metadata.circumstances))),
    ['Configuration', metadata?.configuration],
    ['In this bundle', metadata?.circumstances && circumstancesEntry(metadata.circumstances)],
  ]
  return `<h3>Circumstances at that time</h3>${table(rows)}`
}

function table(rows: [string, string | undefined][]): string {
  const cells = rows
    .filter((row): row is [string, string] => row[1] !== undefined && row[1] !== '')
    .map(([name, value]) => `<tr><th scope="row">${name}</th><td>${escaped(value)}</td></tr>`)
  return `<table><tbody>${cells.join('')}</tbody></table>`
}

function escaped(text: string): string {
  // Invisible direction marks could make a name look like another one.
  return text
    .replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, '\ufffd')
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;')
}
