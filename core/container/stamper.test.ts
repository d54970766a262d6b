/**
 * By which instances the time-stamp of a container alone counts, and which of them say that its authority was
 * revoked.
 */
import { sign } from 'node:crypto'
import t from 'tap'
import { der } from '#core/asn1/der-write.ts'
import { OID } from '#core/asn1/oids.ts'
import { certId } from '#core/certificate/ocsp-request.ts'
import { buildOcspResponse } from '#core/certificate/ocsp-write.ts'
import type { ConfigurationIndex } from '#core/configuration/configuration-index.ts'
import * as F from '#core/signature/signature-fixture.ts'
import { AT, NOW, parts, written } from './container-fixture.ts'
import { readContainer } from './read-container.ts'
import { verifyContainer } from './verify-container.ts'

t.test("a time-stamp counts if the signer's instance or our own approves its authority", async (t) => {
  const container = await readContainer(await written(await parts()))
  const approving: ConfigurationIndex = F.configuration()
  const without: ConfigurationIndex = { ...approving, tsaCertificates: [] }
  const judged = (signers: ConfigurationIndex, others: ConfigurationIndex, own?: string) =>
    verifyContainer({
      ...{ container, own, now: NOW },
      configuration: new Map([
        ['FI', { ...others, instance: 'FI' }],
        ['GOLD', { ...signers, instance: 'GOLD' }],
      ]),
    })
  t.match(await judged(approving, without), { verdict: 'TOTAL-PASSED' })
  t.match(await judged(without, approving, 'FI'), { verdict: 'TOTAL-PASSED' }, 'the log is ours')
  const doubt = { verdict: 'INDETERMINATE', subIndication: 'NO_POE', code: 'timestamp_invalid' }
  const reason = /^Only FI approves the authority of the time-stamp, not the signer's instance GOLD /
  for (const own of [undefined, 'GOLD', 'EE'])
    t.match(await judged(without, approving, own), { ...doubt, reason }, own ?? 'unknown')
})

t.test(
  "that an authority was revoked is said by an instance that approves it: the signer's or our own",
  async (t) => {
    const { certificate: responder, key } = F.signer
    const thisUpdate = NOW
    const said = { certId: certId(F.tsa.certificate, F.root.certificate), thisUpdate, revokedAt: AT }
    const answer = buildOcspResponse({
      answers: [{ ...said, status: 'revoked' }],
      ...{ producedAt: NOW, responder, includeCertificates: [] },
      sign: (tbs) => ({
        algorithm: der.sequence(der.oid(OID.ecdsaWithSHA256)),
        value: sign('sha256', tbs, key),
      }),
    })
    const container = await readContainer(await written(await parts()))
    const [approved] = F.configuration().shared.approvedCas
    const ocsp = [{ url: 'http://ocsp.test', cert: responder.der }]
    const speaking = F.configuration({ approvedCas: [{ ...approved!, topCa: { ...approved!.topCa, ocsp } }] })
    const judged = (signers: ConfigurationIndex, others: ConfigurationIndex, own?: string) =>
      verifyContainer({
        ...{ container, own, now: NOW, kept: { ocspResponses: [answer] } },
        configuration: new Map([
          ['FI', { ...others, instance: 'FI' }],
          ['GOLD', { ...signers, instance: 'GOLD' }],
        ]),
      })
    const doubt = { verdict: 'INDETERMINATE', subIndication: 'REVOKED_NO_POE' }
    t.match(await judged(speaking, F.configuration()), doubt, "the signer's")
    t.match(await judged(F.configuration(), speaking, 'FI'), doubt, 'our own')
    t.match(await judged(F.configuration(), speaking), { verdict: 'TOTAL-PASSED' }, 'a third one')
    const mute: ConfigurationIndex = { ...speaking, tsaCertificates: [] }
    t.match(
      await judged(F.configuration(), mute, 'FI'),
      { verdict: 'TOTAL-PASSED' },
      'one that does not approve it',
    )
  },
)
