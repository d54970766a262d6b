/**
 * Evidence of 2013 with a time-stamp by a key of that time: everything verifies, and the verdict says what is
 * missing.
 */
import { hash } from 'node:crypto'
import t from 'tap'
import { der } from '#core/asn1/der-write.ts'
import { OID } from '#core/asn1/oids.ts'
import { parseCertificate } from '#core/certificate/certificate.ts'
import {
  bake,
  type CertificateRecipe,
  caExtensions,
  commonName,
  keyUsage,
  name,
  newKey,
  RSA_SHA256,
} from '#core/certificate/certificate-fixture.ts'
import { insertTimeStamp } from '#core/signature/insert-time-stamp.ts'
import * as F from '#core/signature/signature-fixture.ts'
import { checkSignature } from '#core/signature/verify-signature.ts'
import { signerOf, token } from '#core/timestamp/token-fixture.ts'
import { judge, NOW, written } from './container-fixture.ts'

const AT = new Date('2013-06-01T12:00:00Z')
const VALIDITY = { notBefore: new Date('2012-01-01T00:00:00Z'), notAfter: new Date('2034-01-01T00:00:00Z') }
const made = (recipe: CertificateRecipe) => parseCertificate(bake({ ...VALIDITY, ...recipe }))

const ca = { key: newKey(), name: commonName('CA of 2012') }
const root = made({ key: ca.key, subject: ca.name, extensions: caExtensions(), keyIdentifiers: true })
const own = newKey()
const signer = made({
  key: own,
  issuer: ca.name,
  signer: ca.key,
  subject: name(
    [OID.countryName, der.printable('FI')],
    [OID.organizationName, 'Register'],
    [OID.serialNumber, 'GOLD/ss1/GOV'],
    [OID.commonName, '1234'],
  ),
  extensions: [keyUsage(0x40)],
  keyIdentifiers: true,
})
const identity: F.Identity = {
  certificate: signer,
  intermediates: [],
  ocspResponses: [F.ocspAnswer(signer, { certificate: root, key: ca.key.privateKey }, AT)],
  key: own.privateKey,
}

/**
 * The verdict on a container of 2013 whose time-stamping authority has an RSA key of `bits` bits and stamps
 * at `time`.
 */
async function outcome(bits: number, time = AT) {
  const key = newKey(bits)
  const tsa = made({ key, issuer: ca.name, signer: ca.key, subject: commonName('TSA of 2012') })
  const [signed] = F.signMessages([[{ name: '/message.xml', bytes: F.REQUEST }]], identity, AT)
  const { signatureValue } = await checkSignature(signed!.signatures)
  const stamp = token(
    { certificate: tsa, sign: signerOf(key, RSA_SHA256) },
    { imprint: hash('sha512', signatureValue, 'buffer'), time },
  )
  const [approved] = F.configuration().shared.approvedCas
  return judge(
    await written({
      message: F.REQUEST,
      signatures: insertTimeStamp(signed!.signatures, stamp),
      attachments: [],
    }),
    {
      now: NOW,
      configuration: F.configuration({
        approvedCas: [{ ...approved!, topCa: { cert: root.der, ocsp: [] }, intermediateCas: [] }],
        approvedTsas: [{ name: 'TSA', url: 'http://tsa.test', cert: tsa.der }],
      }),
    },
  )
}

t.test('a key that counts today: passed', async (t) => {
  t.match(await outcome(2048), {
    verdict: 'TOTAL-PASSED',
    timeStamp: { time: AT, keyCountedUntil: undefined },
  })
})

t.test('a key that counted then: all holds, but nothing proves that the stamp is old', async (t) => {
  const verdict = await outcome(1024)
  t.match(verdict, {
    verdict: 'INDETERMINATE',
    subIndication: 'CRYPTO_CONSTRAINTS_FAILURE_NO_POE',
    code: 'timestamp_invalid',
    reason: /^All holds, but .* of 2013-06-01 .* until 2013-12-31/,
    signer: F.MEMBER,
    timeStamp: { time: AT, keyCountedUntil: new Date('2013-12-31T23:59:59.999Z') },
  })
  t.ok(verdict.covers.every(({ covered }) => covered))
})

t.test('a key that counted no more, or never: no time-stamp at all', async (t) => {
  const late = await outcome(1024, new Date('2014-01-01T00:00:00Z'))
  t.match(late, { verdict: 'INDETERMINATE', subIndication: 'NO_POE', code: 'timestamp_invalid' })
  t.match(late.reason, /key is too weak/)
  t.equal(late.timeStamp, undefined)
  const never = await outcome(1016)
  t.match(never, { verdict: 'INDETERMINATE', subIndication: 'NO_POE', code: 'timestamp_invalid' })
})
