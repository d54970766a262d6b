/** Credentials: ours are verified by jose, hostile ones are refused. */
import { generateKeyPairSync } from 'node:crypto'
import { compactVerify, importJWK } from 'jose'
import t from 'tap'
import { type Credential, isCredential, signCredential, verifyCredential } from './credential.ts'

const ISSUER = 'did:web:registry.example'
const KID = `${ISSUER}#credentials`
const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
const jwk = publicKey.export({ format: 'jwk' }) as { kty: string; crv: string; x: string; y: string }
const method = { id: KID, type: 'JsonWebKey', controller: ISSUER, publicKeyJwk: jwk }
const issuer = { id: ISSUER, verificationMethod: [method], assertionMethod: [KID] }
const now = new Date('2026-11-29T12:00:00Z')
const content: Omit<Credential, '@context'> = {
  type: ['VerifiableCredential', 'ConcordatMembership'],
  issuer: ISSUER,
  validFrom: '2026-11-29T11:00:00Z',
  validUntil: '2026-11-30T11:00:00Z',
  credentialSubject: { id: 'did:web:registry.example:members:GOV:1234' },
}

void t.test('a credential, and what is none', async (t) => {
  const token = signCredential(content, { key: privateKey, kid: KID })
  t.ok(isCredential(Buffer.from(`${token}\n`)))
  t.match(verifyCredential(token, { issuer, now }), content)
  const { payload, protectedHeader } = await compactVerify(token, await importJWK(jwk, 'ES256'))
  t.match(JSON.parse(Buffer.from(payload).toString()), {
    '@context': ['https://www.w3.org/ns/credentials/v2'],
    ...content,
  })
  t.same(protectedHeader, { alg: 'ES256', cty: 'vc', kid: KID, typ: 'vc+jwt' })

  const [header, body, signature] = token.split('.') as [string, string, string]
  const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url')
  const signed = (more: object): string =>
    signCredential({ ...content, ...more }, { key: privateKey, kid: KID })
  const foreign = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey
  const refused: [string, string, string][] = [
    ['empty', '', 'invalid_input'],
    ['two parts', `${header}.${body}`, 'invalid_input'],
    ['four parts', `${token}.${signature}`, 'invalid_input'],
    ['a cut signature', token.slice(0, -1), 'invalid_input'],
    ['a body that is no JSON', `${header}.AAAA.${signature}`, 'invalid_input'],
    ['a body that is a list', `${header}.${part([])}.${signature}`, 'invalid_input'],
    [
      'without a signature algorithm',
      `${part({ alg: 'none', typ: 'vc+jwt', kid: KID })}.${body}.${signature}`,
      'invalid_input',
    ],
    [
      'a JWT of another kind',
      `${part({ alg: 'ES256', typ: 'JWT', kid: KID })}.${body}.${signature}`,
      'invalid_input',
    ],
    [
      'an extension',
      `${part({ alg: 'ES256', typ: 'vc+jwt', kid: KID, crit: ['x'] })}.${body}.${signature}`,
      'invalid_input',
    ],
    [
      'a member twice',
      `${Buffer.from('{"alg":"ES256","alg":"ES256"}').toString('base64url')}.${body}.${signature}`,
      'invalid_input',
    ],
    ['huge', `${header}.${'A'.repeat(70_000)}.${signature}`, 'invalid_input'],
    ['an edited body', `${header}.${part({ ...content, type: ['Other'] })}.${signature}`, 'invalid_proof'],
    ['another issuer', signed({ issuer: 'did:web:other.example' }), 'invalid_proof'],
    ['the key of somebody else', signCredential(content, { key: foreign, kid: KID }), 'invalid_proof'],
    [
      'a key that the document lacks',
      signCredential(content, { key: privateKey, kid: `${ISSUER}#x` }),
      'invalid_proof',
    ],
    ['from tomorrow', signed({ validFrom: '2026-11-30T00:00:00Z' }), 'invalid_proof'],
    ['until yesterday', signed({ validUntil: '2026-11-28T00:00:00Z' }), 'invalid_proof'],
    ['until no time', signed({ validUntil: 'never' }), 'invalid_proof'],
    ['without a subject', signed({ credentialSubject: null }), 'invalid_input'],
  ]
  for (const [what, one, code] of refused)
    t.throws(() => verifyCredential(one, { issuer, now }), { code }, what)
  const documents: [string, object][] = [
    ['a key for logins only', { ...issuer, assertionMethod: [] }],
    [
      'a key of another controller',
      { ...issuer, verificationMethod: [{ ...method, controller: 'did:web:x' }] },
    ],
    [
      'a key on another curve',
      { ...issuer, verificationMethod: [{ ...method, publicKeyJwk: { ...jwk, crv: 'P-384' } }] },
    ],
    [
      'a key that is no point',
      { ...issuer, verificationMethod: [{ ...method, publicKeyJwk: { ...jwk, x: jwk.y } }] },
    ],
    ['no keys', { id: ISSUER }],
  ]
  for (const [what, one] of documents)
    t.throws(() => verifyCredential(token, { issuer: { ...one }, now }), { code: 'invalid_proof' }, what)
})
