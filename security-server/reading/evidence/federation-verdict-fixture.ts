/**
 * For tests only: bundles that bring the configuration of a second instance, whose registry speaks of the
 * first one's authorities.
 */
import { sign } from 'node:crypto'
import { der } from '#core/asn1/der-write.ts'
import { OID } from '#core/asn1/oids.ts'
import { certId } from '#core/certificate/ocsp-request.ts'
import { buildOcspResponse } from '#core/certificate/ocsp-write.ts'
import { writeSharedParameters } from '#core/configuration/configuration-fixture.ts'
import { forged, HOUR, type VerdictWorld } from './verdict-fixture.ts'

type Outcome = { bundle: Buffer; at: number; shared: 'brought' }

/**
 * FI approves DEV's CA with a responder of its own, which says that DEV's time-stamping authority was revoked
 * long ago.
 */
async function revokedByAnother(world: VerdictWorld): Promise<Outcome> {
  const index = await world.exchange()
  world.now += 60_000
  await world.log.timeStampNow()
  world.now += HOUR / 2
  const { certificate: responder, key } = await world.issue('9999')
  const { tsa, intermediate } = world.authority
  const at = new Date(world.now)
  const answer = buildOcspResponse({
    answers: [
      {
        ...{ certId: certId(tsa, intermediate), thisUpdate: at, status: 'revoked' },
        revokedAt: new Date(world.now - 24 * HOUR),
      },
    ],
    ...{ producedAt: at, responder, includeCertificates: [responder] },
    sign: (tbs) => ({
      algorithm: der.sequence(der.oid(OID.ecdsaWithSHA256)),
      value: sign('sha256', tbs, key),
    }),
  })
  const { approvedCas, ...own } = world.shared()
  const url = 'http://127.0.0.1:1/ocsp'
  const foreign = {
    ...{ ...own, instance: 'FI', members: [], approvedTsas: [] },
    approvedCas: approvedCas.map((ca) => ({
      ...ca,
      intermediateCas: [{ cert: intermediate.der, ocsp: [{ url, cert: responder.der }] }],
    })),
  }
  const bundle = await forged(await world.bundle(index), (manifest, files) => {
    const [entry, said] = ['configuration/FI/shared-params.xml', 'ocsp-of-another-instance.der']
    files.set(entry, writeSharedParameters(foreign, 6))
    manifest.configuration = [...manifest.configuration, entry]
    files.set(said, answer)
    const { ocspResponses } = manifest.checkpointSigner
    manifest.checkpointSigner = { ...manifest.checkpointSigner, ocspResponses: [...ocspResponses, said] }
  })
  return { bundle, at: world.now, shared: 'brought' }
}

export const FEDERATION: Record<string, { run(world: VerdictWorld): Promise<Outcome>; verdict: string }> = {
  'the registry of another instance says that the authority was revoked': {
    run: revokedByAnother,
    verdict: 'TOTAL-PASSED',
  },
}
