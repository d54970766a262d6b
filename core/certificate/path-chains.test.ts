/** Chains that are sound or broken in one place, judged by our code and by `openssl verify`. */
import { execFileSync, spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { der } from '#core/asn1/der-write.ts'
import { OID } from '#core/asn1/oids.ts'
import type { Certificate } from './certificate.ts'
import {
  caExtensions,
  commonName,
  extension,
  general,
  keyUsage,
  name,
  newKey,
} from './certificate-fixture.ts'
import {
  at,
  type Chain,
  ca,
  chain,
  constrained,
  countryFi,
  end,
  explicit,
  future,
  named,
  past,
  policies,
  question,
  refusalOf,
} from './path-fixture.ts'

const directory = mkdtempSync(join(tmpdir(), 'path-'))
t.teardown(() => rmSync(directory, { recursive: true }))

const pem = ({ der }: Certificate): string =>
  `-----BEGIN CERTIFICATE-----\n${der.toString('base64')}\n-----END CERTIFICATE-----\n`

/** Whether `openssl verify` accepts the same chain at the same time. */
function opensslAccepts({ leaf, middle, anchor }: Chain): boolean {
  const file = (label: string, text: string): string => {
    const path = join(directory, label)
    writeFileSync(
      path,
      text.replace(/[A-Za-z0-9+/=]{65,}/g, (line) => line.replace(/.{64}(?=.)/g, '$&\n')),
    )
    return path
  }
  const flags = [
    '-x509_strict',
    '-policy_check',
    // Without this option openssl accepts no policy at all, whereas we accept any.
    '-policy',
    OID.anyPolicy,
    '-no-CApath',
    '-no-CAstore',
    '-attime',
    String(at.getTime() / 1000),
  ]
  const untrusted = middle.length === 0 ? [] : ['-untrusted', file('middle.pem', middle.map(pem).join(''))]
  const trusted = ['-CAfile', file('anchor.pem', pem(anchor))]
  const run = spawnSync('openssl', [
    'verify',
    ...flags,
    ...trusted,
    ...untrusted,
    file('leaf.pem', pem(leaf)),
  ])
  return run.status === 0
}

type Verdict = 'good' | 'bad' | 'bad, though openssl accepts it'
const CHAINS: [what: string, verdict: Verdict, chain: () => Chain][] = [
  ['a plain chain', 'good', () => chain()],
  ['certificate expired', 'bad', () => chain({ leaf: { notAfter: past } })],
  ['certificate not valid yet', 'bad', () => chain({ leaf: { notBefore: future } })],
  ['authority expired', 'bad', () => chain({ middle: { notAfter: past } })],
  ['anchor expired', 'bad', () => chain({ root: { notAfter: past } })],
  ['issued by another key', 'bad', () => chain({ leaf: { signer: newKey() } })],
  ['authority issued by another key', 'bad', () => chain({ middle: { signer: newKey() } })],
  ['issuer of another name', 'bad', () => chain({ leaf: { issuer: commonName('Else') } })],
  ['authority without basicConstraints', 'bad', () => chain({ middle: { extensions: [keyUsage(0x06)] } })],
  ['authority of version 1', 'bad', () => chain({ middle: { version: undefined, extensions: undefined } })],
  [
    'authority with cA false',
    'bad',
    () =>
      chain({
        middle: { extensions: [extension(OID.basicConstraints, der.sequence(), true), keyUsage(0x06)] },
      }),
  ],
  [
    'authority without keyCertSign',
    'bad',
    () => chain({ middle: { extensions: [caExtensions()[0]!, keyUsage(0x02)] } }),
  ],
  ['certificate with keyCertSign', 'bad', () => chain({ leaf: { extensions: [keyUsage(0x84)] } })],
  ['path length 0 at the root', 'bad', () => chain({ root: { extensions: caExtensions(0) } })],
  ['path length 1 at the root', 'good', () => chain({ root: { extensions: caExtensions(1) } })],
  ['path length 0 at the authority', 'good', () => chain({ middle: { extensions: caExtensions(0) } })],
  ['unknown critical extension', 'bad', () => chain({ leaf: end(extension('1.2.3', der.null(), true)) })],
  [
    'unknown critical extension of an authority',
    'bad',
    () => chain({ middle: ca(extension('1.2.3', der.null(), true)) }),
  ],
  ['unknown extension', 'good', () => chain({ leaf: end(extension('1.2.3', der.null())) })],
  [
    'unknown critical extension of the anchor',
    'bad',
    () => chain({ root: ca(extension('1.2.3', der.null(), true)) }),
  ],
  ['key of 1024 bits', 'bad, though openssl accepts it', () => chain({ leaf: { key: newKey(1024) } })],
  [
    'key on another curve',
    'bad, though openssl accepts it',
    () => chain({ leaf: { key: newKey('secp256k1') } }),
  ],
  ['key of 2048 bits', 'good', () => chain({ leaf: { key: newKey(2048) } })],
  [
    'signature with SHA-1',
    'bad, though openssl accepts it',
    () => chain({ leaf: { digest: 'sha1', algorithm: der.sequence(der.oid(OID.ecdsaWithSHA1)) } }),
  ],
  [
    'DNS name inside',
    'good',
    () => chain({ middle: constrained([general.dns('a.example')]), leaf: named(general.dns('x.A.example')) }),
  ],
  [
    'DNS name outside',
    'bad',
    () => chain({ middle: constrained([general.dns('a.example')]), leaf: named(general.dns('xa.example')) }),
  ],
  [
    'DNS name excluded',
    'bad',
    () =>
      chain({ middle: constrained([], [general.dns('a.example')]), leaf: named(general.dns('x.a.example')) }),
  ],
  [
    'one DNS name of two outside',
    'bad',
    () =>
      chain({
        middle: constrained([general.dns('a.example')]),
        leaf: named(general.dns('a.example'), general.dns('b.example')),
      }),
  ],
  [
    'excluded by the root',
    'bad',
    () => chain({ root: constrained([], [general.dns('a.example')]), leaf: named(general.dns('a.example')) }),
  ],
  [
    'permitted by both authorities',
    'good',
    () =>
      chain({
        root: constrained([general.dns('example')]),
        middle: constrained([general.dns('a.example')]),
        leaf: named(general.dns('a.example')),
      }),
  ],
  [
    'permitted by one authority of two',
    'bad',
    () =>
      chain({
        root: constrained([general.dns('b.example')]),
        middle: constrained([general.dns('a.example')]),
        leaf: named(general.dns('a.example')),
      }),
  ],
  [
    'e-mail inside',
    'good',
    () =>
      chain({ middle: constrained([general.email('.example')]), leaf: named(general.email('x@a.example')) }),
  ],
  [
    'e-mail outside',
    'bad',
    () =>
      chain({
        middle: constrained([general.email('a.example')]),
        leaf: named(general.email('x@b.a.example')),
      }),
  ],
  [
    'e-mail in the subject outside',
    'bad',
    () =>
      chain({
        middle: constrained([general.email('a.example')]),
        leaf: { subject: name([OID.emailAddress, der.ia5('x@b.example')]) },
      }),
  ],
  [
    'URI inside',
    'good',
    () =>
      chain({
        middle: constrained([general.uri('.example')]),
        leaf: named(general.uri('https://u@a.example:1/x')),
      }),
  ],
  [
    'URI outside',
    'bad',
    () =>
      chain({
        middle: constrained([general.uri('a.example')]),
        leaf: named(general.uri('https://b.example/a.example')),
      }),
  ],
  [
    'URI without a host',
    'bad',
    () =>
      chain({ middle: constrained([general.uri('a.example')]), leaf: named(general.uri('urn:a.example')) }),
  ],
  [
    'IP inside',
    'good',
    () =>
      chain({
        middle: constrained([general.ip(10, 0, 0, 0, 255, 0, 0, 0)]),
        leaf: named(general.ip(10, 1, 2, 3)),
      }),
  ],
  [
    'IP outside',
    'bad',
    () =>
      chain({
        middle: constrained([general.ip(10, 0, 0, 0, 255, 0, 0, 0)]),
        leaf: named(general.ip(11, 1, 2, 3)),
      }),
  ],
  ['directory name inside', 'good', () => chain({ middle: constrained([countryFi]) })],
  [
    'directory name outside',
    'bad',
    () => chain({ middle: constrained([countryFi]), leaf: { subject: name([OID.countryName, 'SE']) } }),
  ],
  ['directory name excluded', 'bad', () => chain({ middle: constrained([], [countryFi]) })],
  [
    'a name of a kind that cannot be judged',
    'bad',
    () => chain({ middle: constrained([general.other()]), leaf: named(general.other()) }),
  ],
  [
    'policy on the whole path',
    'good',
    () => chain({ middle: ca(policies('1.2.3'), explicit), leaf: end(policies('1.2.3')) }),
  ],
  ['policy required and missing', 'bad', () => chain({ middle: ca(policies('1.2.3'), explicit) })],
  [
    'policy required and another',
    'bad',
    () => chain({ middle: ca(policies('1.2.3'), explicit), leaf: end(policies('1.2.4')) }),
  ],
  [
    'any policy above',
    'good',
    () => chain({ middle: ca(policies(OID.anyPolicy), explicit), leaf: end(policies('1.2.4')) }),
  ],
  [
    'a mapped policy',
    'good',
    () =>
      chain({
        middle: ca(
          policies('1.2.3'),
          explicit,
          extension(OID.policyMappings, der.sequence(der.sequence(der.oid('1.2.3'), der.oid('1.2.9'))), true),
        ),
        leaf: end(policies('1.2.9')),
      }),
  ],
  [
    'a mapping from any policy',
    'bad',
    () =>
      chain({
        middle: ca(
          policies('1.2.3'),
          extension(
            OID.policyMappings,
            der.sequence(der.sequence(der.oid(OID.anyPolicy), der.oid('1.2.9'))),
            true,
          ),
        ),
        leaf: end(policies('1.2.9')),
      }),
  ],
]

t.test('chains, with openssl as second judge', async (t) => {
  const hasOpenssl = spawnSync('openssl', ['version']).status === 0
  for (const [what, verdict, make] of CHAINS) {
    const made = make()
    const refusal = refusalOf(question(made))
    t.equal(refusal === undefined, verdict === 'good', `${what}: ${refusal?.what ?? 'accepted'}`)
    if (hasOpenssl) t.equal(opensslAccepts(made), verdict !== 'bad', `openssl: ${what}`)
  }
  if (!hasOpenssl) t.fail('openssl is missing: apt-get install openssl')
  else t.comment(execFileSync('openssl', ['version']).toString().trim())
})
