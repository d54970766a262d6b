/**
 * What others published: SD-JWT (RFC 9901), status lists (draft 20), the session transcript of OpenID4VP 1.0.
 */
import { readFileSync } from 'node:fs'
import t from 'tap'
import type { Asked } from './asked.ts'
import { isSignedWith, keyOfJwk } from './jws.ts'
import { sessionTranscript } from './mdoc/session-transcript.ts'
import { Refused } from './refused.ts'
import { digestOf, disclose } from './sd-jwt/disclose.ts'
import { splitSdJwt } from './sd-jwt/split-sd-jwt.ts'
import { verifyKeyBinding } from './sd-jwt/verify-key-binding.ts'
import { statusAt } from './status-list.ts'

const read = (name: string) =>
  JSON.parse(readFileSync(new URL(`../../test/vectors/wallets/${name}.json`, import.meta.url), 'utf8'))

void t.test('SD-JWT: the presentations of RFC 9901', async (t) => {
  const { issuerKey, presentations } = read('sd-jwt') as {
    issuerKey: Record<string, string>
    presentations: string[]
  }
  const found = presentations.map((text) => {
    const { issued, disclosures, bound, keyBinding } = splitSdJwt(text)
    t.ok(isSignedWith(issued, keyOfJwk(issuerKey, 'record_malformed')))
    const { claims } = disclose(issued.payload, disclosures)
    const { jwk } = claims.cnf as { jwk: Record<string, string> }
    const at = new Date(1748536865_000)
    const asked = {
      ...{ clientId: 'https://verifier.example.org', nonce: '1234567890', issuedAt: at, transactionData: [] },
    } as unknown as Asked
    const key = keyOfJwk(jwk, 'holder_key_missing')
    const question = { token: keyBinding, bound, digest: digestOf(issued.payload), key, asked, at }
    t.strictSame(verifyKeyBinding({ ...question, credentialId: 'x' }).signedAt, at)
    const { cnf: _, ...rest } = claims
    return rest
  })
  t.strictSame(found[0], {
    ...{ iss: 'https://issuer.example.com', iat: 1683000000, exp: 1883000000, sub: 'user_42' },
    nationalities: ['US'],
    family_name: 'Doe',
    address: { street_address: '123 Main St', locality: 'Anytown', region: 'Anystate', country: 'US' },
    given_name: 'John',
  })
  t.strictSame(found[1], {
    ...{ iss: 'https://pid-issuer.bund.de.example', iat: 1683000000, exp: 1883000000 },
    vct: 'urn:eudi:pid:de:1',
    age_equal_or_over: { 18: true },
    nationalities: ['DE'],
  })
  t.match(found[2], { type: ['VerifiableCredential', 'VaccinationCertificate'] })
})

void t.test('status lists of 1, 2, 4 and 8 bits', async (t) => {
  for (const { bits, lst, status } of read('status-lists') as {
    bits: number
    lst: string
    status: Record<string, number>
  }[]) {
    const wrong = Object.entries(status).filter(
      ([index, value]) => statusAt({ bits, lst }, Number(index)) !== value,
    )
    t.strictSame(wrong, [], `${bits} bits`)
    t.equal(statusAt({ bits, lst }, 1_048_575), status[1_048_575] ?? 0)
    t.throws(() => statusAt({ bits, lst }, 1_048_576), new Refused('status_out_of_range'))
  }
  t.equal(statusAt({ bits: 1, lst: 'eNrbuRgAAhcBXQ' }, 0), 1)
  t.equal(statusAt({ bits: 2, lst: 'eNo76fITAAPfAgc' }, 11), 3)
})

void t.test('the session transcript of OpenID4VP 1.0, B.2.6.1', async (t) => {
  const { jwk, sessionTranscript: expected } = read('openid4vp-handover')
  const asked = {
    clientId: 'x509_san_dns:example.com',
    nonce: 'exc7gBkxjx1rdc9udRrveKvSsJIq80avlXeLHhGwqtA',
    encryption: jwk,
    responseUri: 'https://example.com/response',
  }
  t.equal(sessionTranscript(asked).toString('hex'), expected)
})
