/**
 * Mobile documents made and presented by @auth0/mdl: one of two stacks. It knows older sessions only, so ours
 * is handed to it.
 */
import { createHash } from 'node:crypto'
import { DeviceResponse, Document, MDoc } from '@auth0/mdl'
import { cborEncode, DataItem } from '@auth0/mdl/lib/cbor/index.js'
import { LICENCE, NAMES, NOON, privateJwk, publicJwk } from './authority.ts'
import type { Stack } from './stack.ts'
import { encryptionThumbprint } from './thumbprint.ts'

type Held = { bytes: Uint8Array; type: string }

export const mdocOfAuth0: Stack<Held> = {
  name: 'mdoc by @auth0/mdl',
  format: 'mso_mdoc',
  async issue({ authority, holder, attributes, type = LICENCE, ...rest }) {
    const hour = 3_600_000
    const certificate = (rest.chain ?? authority.chain)[0]!.toString('base64')
    const document = await new Document(type)
      .addIssuerNameSpace(NAMES, attributes)
      .useDigestAlgorithm('SHA-256')
      .addValidityInfo({
        signed: new Date(NOON.getTime() - hour),
        validFrom: rest.validFrom ?? new Date(NOON.getTime() - hour),
        validUntil: rest.validUntil ?? new Date(NOON.getTime() + hour),
      })
      .addDeviceKeyInfo({ deviceKey: publicJwk(holder) as never })
      .sign({
        issuerPrivateKey: { ...privateJwk(rest.signer ?? authority.key), kid: 'k' } as never,
        issuerCertificate: `-----BEGIN CERTIFICATE-----\n${certificate}\n-----END CERTIFICATE-----`,
        alg: 'ES256',
      })
    return { bytes: new MDoc([document]).encode(), type }
  },
  async present({ bytes, type }, { request, disclose, holder, ...rest }) {
    const info = [
      rest.audience ?? request.client_id,
      rest.nonce ?? request.nonce,
      encryptionThumbprint(request).jwkThumbprint ?? null,
      request.response_uri,
    ]
    const digest = createHash('sha256').update(cborEncode(info)).digest()
    const transcript = [null, null, ['OpenID4VPHandover', digest]]
    const fields = disclose.map((name) => ({ path: [`$['${NAMES}']['${name}']`], intent_to_retain: false }))
    const format = { mso_mdoc: { alg: ['ES256'] } }
    const response = await DeviceResponse.from(bytes)
      .usingPresentationDefinition({
        id: 'x',
        input_descriptors: [{ id: type, format, constraints: { limit_disclosure: 'required', fields } }],
      } as never)
      .usingSessionTranscriptBytes(cborEncode(DataItem.fromData(transcript)))
      .authenticateWithSignature({ ...privateJwk(rest.signer ?? holder), kid: 'd' } as never, 'ES256')
      .sign()
    return Buffer.from(response.encode()).toString('base64url')
  },
}
