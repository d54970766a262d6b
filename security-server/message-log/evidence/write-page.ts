/**
 * The page of a bundle that a person reads and prints: what was exchanged, and how to check it without this page. It
 * proves nothing itself and says so; it loads nothing and runs nothing.
 */
import { circumstancesInWords } from '#core/circumstances/in-words.ts'
import { circumstancesEntry, readCircumstances } from '#core/circumstances/read.ts'
import type { LeafFields } from '#core/merkle/leaf-form.ts'
import type { Metadata } from '../record-input.ts'

export type PageRecord = {
  index: number
  form: string
  metadata: Metadata | undefined
  /** The document that the metadata name. */
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
<p>With public tools, for each record with a message, after unzipping its <code>message.asice</code>:</p>
<pre>xmlsec1 --verify --insecure --id-attr:Id SignedProperties \\
  --url-map:/sig-hashchainresult.xml sig-hashchainresult.xml META-INF/signatures.xml
openssl ts -verify -data ts-hashchainresult.xml -in META-INF/timestamp.tst -token_in -CAfile &lt;root.pem&gt; -untrusted &lt;chain.pem&gt;
openssl dgst -sha512 -binary message.xml | base64 -w0</pre>
<p>The last line gives the digest that stands in sig-hashchain.xml (or, in a container without that file, in the signature).</p>
<p>What was kept with a time-stamp, and the evidence record over the tree head, in the folders of the bundle:</p>
<pre>openssl x509 -inform DER -in time-stamps/&lt;index&gt;/certificate-0.der -text
openssl ocsp -respin time-stamps/&lt;index&gt;/ocsp-0.der -noverify -resp_text
openssl asn1parse -inform DER -in evidence-records/&lt;size&gt;/evidence-record.der</pre>
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

/** The document speaks for itself: its hash is in the metadata that the leaf commits to. */
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
  return `<h3>What held at that time</h3>${table(rows)}`
}

function table(rows: [string, string | undefined][]): string {
  const cells = rows
    .filter((row): row is [string, string] => row[1] !== undefined && row[1] !== '')
    .map(([name, value]) => `<tr><th scope="row">${name}</th><td>${escaped(value)}</td></tr>`)
  return `<table><tbody>${cells.join('')}</tbody></table>`
}

function escaped(text: string): string {
  // Direction marks would let a name read as another one.
  return text
    .replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, '\ufffd')
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;')
}
