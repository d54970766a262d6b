/** Positions of names relative to name constraints, X-Road's own chains, and policies that multiply. */
import { readFileSync } from 'node:fs'
import t from 'tap'
import { parseDer } from '#core/asn1/der.ts'
import { der } from '#core/asn1/der-write.ts'
import { OID } from '#core/asn1/oids.ts'
import { type Certificate, readCertificate } from './certificate.ts'
import {
  caExtensions,
  commonName,
  extension,
  general,
  keyUsage,
  name,
  newKey,
} from './certificate-fixture.ts'
import { readGeneralName } from './general-name.ts'
import { type Place, placeOf } from './name-subtree.ts'
import { leafUnder, made, policies, question, refusalOf, rootKey, rootName } from './path-fixture.ts'

t.test('a name against one subtree', async (t) => {
  const check = (
    kind: (text: string) => Buffer,
    cases: [name: string, base: string, place: Place][],
  ): void => {
    for (const [text, base, place] of cases) {
      const [subject, subtree] = [kind(text), kind(base)].map((bytes) => readGeneralName(parseDer(bytes)))
      t.equal(placeOf(subject!, subtree!), place, `${text} against ${base}`)
    }
  }
  check(general.dns, [
    ['a.example', 'a.example', 'inside'],
    ['x.y.a.example', 'A.Example', 'inside'],
    ['a.example', '', 'inside'],
    ['xa.example', 'a.example', 'outside'],
    ['example', 'a.example', 'outside'],
    ['a.example', '.a.example', 'unclear'],
    ['a.example.', 'a.example', 'unclear'],
    ['.a.example', 'a.example', 'unclear'],
    ['a..example', 'example', 'unclear'],
    ['', 'example', 'unclear'],
    ['a b.example', 'example', 'unclear'],
    ['*.example', 'example', 'inside'],
    ['*.example', 'a.example', 'unclear'],
    ['*.example', 'other', 'outside'],
    ['a.*.example', 'example', 'unclear'],
    ['*', 'example', 'unclear'],
    ['a.example', '*.example', 'unclear'],
  ])
  check(general.email, [
    ['x@a.example', 'a.example', 'inside'],
    ['x@b.a.example', 'a.example', 'outside'],
    ['x@b.a.example', '.a.example', 'inside'],
    ['x@a.example', '.a.example', 'outside'],
    ['x@A.example', 'x@a.EXAMPLE', 'inside'],
    ['y@a.example', 'x@a.example', 'outside'],
    ['X@a.example', 'x@a.example', 'unclear'],
    ['x@y@a.example', 'a.example', 'unclear'],
    ['"x@y"@a.example', 'a.example', 'unclear'],
    ['a.example', 'a.example', 'unclear'],
    ['@a.example', 'a.example', 'unclear'],
    ['x@', 'a.example', 'unclear'],
    ['x@a.example', '', 'unclear'],
    ['x@a.example', '@a.example', 'unclear'],
  ])
  check(general.uri, [
    ['http://a.example', 'a.example', 'inside'],
    ['HTTP://A.EXAMPLE:80?x', 'a.example', 'inside'],
    ['http://user:pw@a.example/', 'a.example', 'inside'],
    ['http://b.a.example/', 'a.example', 'outside'],
    ['http://b.a.example/', '.a.example', 'inside'],
    ['http://b.example/@a.example', 'a.example', 'outside'],
    ['http://b.example#@a.example', 'a.example', 'outside'],
    ['http://b.example\\@a.example', 'a.example', 'unclear'],
    ['http://10.0.0.1/', 'a.example', 'unclear'],
    ['http://[::1]/', 'a.example', 'unclear'],
    ['http:a.example', 'a.example', 'unclear'],
    ['http:///a.example', 'a.example', 'unclear'],
    ['//a.example', 'a.example', 'unclear'],
  ])
  const ip = (text: string): Buffer => general.ip(...text.split('.').map(Number))
  const v6 = [0x20, 1, ...Array<number>(14).fill(0)].join('.')
  check(ip, [
    ['10.1.2.3', '10.0.0.0.255.0.0.0', 'inside'],
    ['11.1.2.3', '10.0.0.0.255.0.0.0', 'outside'],
    ['11.1.2.3', '0.0.0.0.0.0.0.0', 'inside'],
    ['10.1.2.3', '10.0.0.0.255.0.255.0', 'unclear'],
    ['10.1.2.3', '10.0.0.0', 'unclear'],
    ['10.1.2', '10.0.0.0.255.0.0.0', 'unclear'],
    [v6, '32.0.0.0.255.0.0.0', 'outside'],
    [v6, `${v6}.255.255${'.0'.repeat(14)}`, 'inside'],
  ])
  const rdns = (text: string): Buffer =>
    general.directory(
      name(
        ...text
          .split('/')
          .filter(Boolean)
          .map((part): [string, string] => ['2.5.4.3', part]),
      ),
    )
  check(rdns, [
    ['a/b', 'A', 'inside'],
    ['a/b', 'a/b', 'inside'],
    ['a', 'a/b', 'outside'],
    ['b/a', 'a', 'outside'],
    ['a', '', 'inside'],
  ])
})

const vectors = new URL('../../test/vectors/x-road/', import.meta.url)

t.test("X-Road's own chain: member, responder and TSA under its test CA", async (t) => {
  const read = (path: string): Certificate[] =>
    [...readFileSync(new URL(path, vectors), 'latin1').matchAll(/>([A-Za-z0-9+/=\s]{600,})</g)].flatMap(
      ([, text]) => {
        try {
          return [readCertificate(Buffer.from(text!))]
        } catch {
          return [] // an OCSP answer
        }
      },
    )
  const configured = read('containers/globalconf_good2_v3/DEV/shared-params.xml')
  const anchor = configured.find(({ extensions }) => extensions.keyUsage?.has('cRLSign'))!
  const below = { middle: [], anchor }
  const at = new Date('2026-01-01T00:00:00Z')
  const [signer] = read('signatures/non-batch-sig/signatures.xml')
  const of = (usage: string): Certificate =>
    configured.find(({ extensions }) => extensions.extendedKeyUsage?.includes(usage))!
  t.notOk(refusalOf(question({ leaf: signer!, ...below }, { at, purpose: 'signing' })))
  t.ok(refusalOf(question({ leaf: signer!, ...below }, { at, purpose: 'authentication' })))
  t.notOk(refusalOf(question({ leaf: of(OID.ocspSigning), ...below }, { at, purpose: 'ocsp-responder' })))
  t.notOk(refusalOf(question({ leaf: of(OID.timeStamping), ...below }, { at, purpose: 'time-stamping' })))
})

t.test('policies and mappings that multiply at each level cost no more than their number', async (t) => {
  const oids = Array.from({ length: 100 }, (_, i) => `1.2.3.${i}`)
  // Every policy is mapped to many others: the tree of RFC 5280 would have 10^8 nodes.
  const mappings = oids
    .slice(0, 11)
    .flatMap((from) => oids.slice(0, 11).map((to) => der.sequence(der.oid(from), der.oid(to))))
  const extensions = [
    ...caExtensions(),
    policies(...oids),
    extension(OID.policyMappings, der.sequence(...mappings), true),
    extension(OID.policyConstraints, der.sequence(der.contextPrimitive(0, Buffer.of(0))), true),
  ]
  const anchor = made({ key: rootKey, subject: rootName, extensions: caExtensions() })
  const middle: Certificate[] = []
  let [issuer, signer] = [rootName, rootKey]
  for (let i = 0; i < 4; i++) {
    const [subject, key] = [commonName(`CA ${i}`), newKey()]
    middle.push(made({ key, signer, subject, issuer, extensions }))
    issuer = subject
    signer = key
  }
  const leaf = (policy: string): Certificate =>
    leafUnder(issuer, signer, { extensions: [keyUsage(0x80), policies(policy)] })
  t.notOk(refusalOf(question({ leaf: leaf('1.2.3.5'), middle, anchor })))
  t.ok(refusalOf(question({ leaf: leaf('1.2.3.500'), middle, anchor })))
})
