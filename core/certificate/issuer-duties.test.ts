/** Certificates whose issuers neglect RFC 5280 section 4.2, and unusual certificates that are valid. */
import { generateKeyPairSync } from 'node:crypto'
import t from 'tap'
import { der } from '#core/asn1/der-write.ts'
import { OID } from '#core/asn1/oids.ts'
import { caExtensions, extension, general, keyUsage, nameConstraints } from './certificate-fixture.ts'
import { chain, end, named, question, refusalOf } from './path-fixture.ts'

t.test('what RFC 5280 4.2 tells issuers to do', async (t) => {
  const refusal = (...bend: Parameters<typeof chain>): string | undefined =>
    refusalOf(question(chain(...bend)))?.what
  const otherId = extension(
    OID.authorityKeyIdentifier,
    der.sequence(der.contextPrimitive(0, Buffer.alloc(20))),
  )
  const halfId = der.sequence(
    der.contextPrimitive(0, Buffer.alloc(20)),
    der.contextPrimitive(2, Buffer.of(1)),
  )
  const lax = extension(
    OID.nameConstraints,
    der.sequence(der.implicit(0, der.sequence(der.sequence(general.dns('a.example'))))),
  )
  const bare = { keyIdentifiers: false }
  const refused: [why: RegExp, ...bend: Parameters<typeof chain>][] = [
    [/without an authority key identifier/, { leaf: bare }],
    [/without an authority key identifier|without a subject key/, { middle: bare }],
    [/without a subject key identifier/, { root: bare }],
    [/of another key/, { leaf: { ...bare, extensions: [keyUsage(0x80), otherId] } }],
    [
      /half of issuer/,
      { leaf: { ...bare, extensions: [keyUsage(0x80), extension(OID.authorityKeyIdentifier, halfId)] } },
    ],
    [/not critical/, { middle: { extensions: [...caExtensions(), lax] } }],
    [/not a CA/, { leaf: end(nameConstraints([general.dns('a.example')])) }],
    [
      /written as/,
      { leaf: { extensions: [keyUsage(0x80), extension('2.5.29.18', der.sequence(general.dns('a b')))] } },
    ],
  ]
  t.equal(refusal({}), undefined)
  for (const [why, ...bend] of refused) t.match(refusal(...bend), why)
  const nameOf = (one: Buffer): string | undefined => refusal({ leaf: named(one) })
  const sound = [
    ...[
      'a.example',
      'A-1.example',
      '*.a.example',
      '1a.example',
      'localhost',
      'xn--bcher-kva.example',
      '3.a1',
    ].map(general.dns),
    ...['a@b.example', 'a.b+c@b.example', '"a b"@b.example'].map(general.email),
    ...['https://a.example', 'https://a.example:8443/b?c#d', 'urn:a:b', 'https://[::1]/', 'mailto:a@b'].map(
      general.uri,
    ),
    general.ip(127, 0, 0, 1),
    general.ip(...Array(16).fill(1)),
  ]
  for (const one of sound) t.equal(nameOf(one), undefined, one.toString('latin1'))
  const wrong = [
    ...[
      '',
      ' ',
      'a b',
      'a_b.example',
      '-a.example',
      'a-.example',
      'a..example',
      '.a.example',
      'a.example.',
      '1.2.3.4',
      'b.*.example',
      'a*.example',
      '*',
      `${'a'.repeat(64)}.example`,
      'a.'.repeat(130),
    ].map(general.dns),
    ...['a', 'a@', '@b.example', '<a@b.example>', 'a b@c.example', 'a@b_c.example', 'a@b@'].map(
      general.email,
    ),
    ...['', 'a', '/a', '//a.example/b', 'https://', 'https:///a', 'https:', 'https://a b/'].map(general.uri),
    general.ip(),
    general.ip(1, 2, 3),
    general.ip(1, 2, 3, 4, 255, 255, 255, 0),
  ]
  for (const one of wrong) t.match(nameOf(one), /written as RFC 5280 says/, one.toString('latin1'))
  const described = generateKeyPairSync('ec', { namedCurve: 'P-256', paramEncoding: 'explicit' })
  t.match(refusal({ leaf: { key: described } }), /curve without a name/)
})
