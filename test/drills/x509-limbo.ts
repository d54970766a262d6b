/**
 * x509-limbo, a suite of certificate paths that others wrote, against our path validation: every verdict is
 * the suite's, or its case stands below with the reason. docs/divergences.md has the counts.
 *
 *   pip install cryptography==46.0.7 pydantic==2.14.4 pyyaml==6.0.4
 *   node test/drills/x509-limbo.ts --suite <checkout of C2SP/x509-limbo> [--python python3]
 *
 * The suite makes its certificates with new keys each time, in some seconds. Its cases of BetterTLS and of
 * live sites are left out: they are about the names of web servers.
 */
import { execFileSync } from 'node:child_process'
import { parseArgs } from 'node:util'
import { type Certificate, parseCertificate } from '#core/certificate/certificate.ts'
import { validatePath } from '#core/certificate/validate-path.ts'
import { Fault } from '#schemas/fault.ts'

type Case = {
  id: string
  peer_certificate: string
  untrusted_intermediates: string[]
  trusted_certs: string[]
  /** ISO 8601; null for any time. */
  validation_time: string | null
  expected_result: 'SUCCESS' | 'FAILURE'
}

const ACCEPTED_THOUGH_REFUSED: Record<string, string[]> = {
  'rules of browsers: which host names a certificate is for': [
    ...[
      'webpki::cn::case-mismatch',
      'webpki::cn::ipv4-hex-mismatch',
      'webpki::cn::ipv4-leading-zeros-mismatch',
    ],
    ...['webpki::cn::ipv6-non-rfc5952-mismatch', 'webpki::cn::ipv6-uncompressed-mismatch'],
    ...['webpki::cn::ipv6-uppercase-mismatch', 'webpki::cn::not-in-san', 'webpki::cn::punycode-not-in-san'],
    ...['webpki::cn::utf8-vs-punycode-mismatch', 'webpki::san::mismatch-apex-subdomain-san'],
    ...['webpki::san::mismatch-domain-san', 'webpki::san::mismatch-subdomain-apex-san'],
    ...['webpki::san::mismatch-subdomain-san', 'webpki::san::no-san'],
    ...['webpki::san::public-suffix-multi-label-wildcard-san', 'webpki::san::public-suffix-wildcard-san'],
    ...[
      'webpki::san::public-suffix-private-namespace-wildcard-san',
      'webpki::san::wildcard-match-across-labels-san',
    ],
    ...['webpki::san::san-critical-with-nonempty-subject'],
  ],
  'rules of browsers: what their authorities and servers hold': [
    ...['webpki::aki::root-with-aki-all-fields', 'webpki::aki::root-with-aki-missing-keyidentifier'],
    ...['webpki::aki::root-with-aki-ski-mismatch', 'webpki::ca-as-leaf', 'webpki::ee-basicconstraints-ca'],
    ...['webpki::eku::ee-anyeku', 'webpki::eku::ee-critical-eku', 'webpki::eku::ee-without-eku'],
    ...['webpki::eku::root-has-eku', 'webpki::forbidden-rsa-key-not-divisible-by-8-in-leaf'],
    ...['webpki::forbidden-rsa-not-divisible-by-8-in-root'],
  ],
  'the status of a certificate comes by OCSP, not by lists': [
    ...['crl::crlnumber-critical', 'crl::crlnumber-missing', 'crl::issuer-missing-crlsign'],
    ...['crl::revoked-certificate-with-crl'],
  ],
  'a depth that the caller chooses': [
    ...['pathlen::max-chain-depth-0-exhausted', 'pathlen::max-chain-depth-1-exhausted'],
  ],
  'constraints that are not critical are enforced': [
    ...['rfc5280::pc::ica-noncritical-pc', 'rfc5280::root-non-critical-basic-constraints'],
  ],
  'an anchor needs no authority key identifier': ['rfc5280::aki::cross-signed-root-missing-aki'],
  'asked for any purpose and any host': ['rfc5280::eku::ee-wrong-eku', 'rfc5280::ca-as-leaf-wrong-san'],
}
const REFUSED_THOUGH_ACCEPTED: Record<string, string[]> = {
  'RFC 5280 4.1.2.5.2 has no fractions of a second': ['rfc5280::validity::notafter-fractional'],
  'RFC 5280 4.2.1.10 demands critical name constraints': ['webpki::nc::permitted-dns-match-noncritical'],
}
const WRITE_SUITE = `import limbo.testcases as all
from limbo.models import Limbo
print(Limbo(version=1, testcases=[make() for make in all.registry.values()]).model_dump_json())`

const { values } = parseArgs({
  options: { suite: { type: 'string' }, python: { type: 'string', default: 'python3' } },
})
if (values.suite === undefined) throw new Error('--suite <checkout of C2SP/x509-limbo>')
const suite = execFileSync(values.python, ['-W', 'ignore', '-c', WRITE_SUITE], {
  ...{ cwd: values.suite, encoding: 'utf8', maxBuffer: 64 * 1024 * 1024, timeout: 300_000 },
})
const { testcases } = JSON.parse(suite) as { testcases: Case[] }
const judged = testcases.map((one) => ({ id: one.id, expected: one.expected_result, found: verdictOf(one) }))
const differing = (found: Case['expected_result']): string[] =>
  judged.filter((one) => one.found === found && one.expected !== found).map(({ id }) => id)

process.stdout.write(`${judged.length} cases\n`)
const isAsKnown = [
  compare('accepted, and the suite refuses', differing('SUCCESS'), ACCEPTED_THOUGH_REFUSED),
  compare('refused, and the suite accepts', differing('FAILURE'), REFUSED_THOUGH_ACCEPTED),
]
process.exitCode = judged.length > 0 && isAsKnown.every((is) => is) ? 0 : 1

function verdictOf(one: Case): Case['expected_result'] {
  try {
    validatePath({
      certificate: certificateIn(one.peer_certificate),
      intermediates: readable(one.untrusted_intermediates),
      anchors: readable(one.trusted_certs),
      at: new Date(one.validation_time ?? Date.now()),
      purpose: 'any',
    })
    return 'SUCCESS'
  } catch (thrown) {
    if (!(thrown instanceof Fault)) throw thrown
    return 'FAILURE'
  }
}

function certificateIn(pem: string): Certificate {
  return parseCertificate(Buffer.from(pem.replaceAll(/-----[^-]+-----/g, ''), 'base64'))
}

/** As a server does: an authority that cannot be read is none. */
function readable(pems: string[]): Certificate[] {
  return pems.flatMap((pem) => {
    try {
      return [certificateIn(pem)]
    } catch (thrown) {
      if (!(thrown instanceof Fault)) throw thrown
      return []
    }
  })
}

/** Whether exactly the cases that are known differ; says each that does not. */
function compare(what: string, ids: string[], known: Record<string, string[]>): boolean {
  const expected = new Set(Object.values(known).flat())
  const found = new Set(ids)
  process.stdout.write(`${ids.length} ${what}:\n`)
  for (const [reason, list] of Object.entries(known)) process.stdout.write(`  ${list.length} ${reason}\n`)
  const unknown = ids.filter((id) => !expected.has(id)).map((id) => `${id} is not among those that are known`)
  const gone = [...expected].filter((id) => !found.has(id)).map((id) => `${id} does not differ`)
  for (const wrong of [...unknown, ...gone]) process.stdout.write(`  WRONG: ${wrong}\n`)
  return unknown.length + gone.length === 0
}
