/** Mobile documents made and presented by @owf/mdoc: one of two stacks. Its cryptography is node:crypto's. */
import { createHash, createPrivateKey, randomBytes, sign } from 'node:crypto'
import {
  CoseKey,
  DeviceKey,
  DeviceRequest,
  DeviceResponse,
  DocRequest,
  Issuer,
  type IssuerSigned,
  ItemsRequest,
  type MdocContext,
  SessionTranscript,
  SignatureAlgorithm,
} from '@owf/mdoc'
import { LICENCE, NAMES, NOON, privateJwk, publicJwk } from './authority.ts'
import type { Stack } from './stack.ts'
import { encryptionThumbprint } from './thumbprint.ts'

const context: Pick<MdocContext, 'crypto' | 'cose'> = {
  crypto: {
    random: (length) => new Uint8Array(randomBytes(length)),
    digest: ({ bytes }) => new Uint8Array(createHash('sha256').update(bytes).digest()),
    calculateEphemeralMacKey: () => {
      throw new Error('no code is made here')
    },
  },
  cose: {
    sign1: {
      sign: ({ toBeSigned, key }) => {
        const privateKey = createPrivateKey({ key: key.jwk, format: 'jwk' })
        return new Uint8Array(sign('sha256', toBeSigned, { key: privateKey, dsaEncoding: 'ieee-p1363' }))
      },
      verify: () => false,
    },
    mac0: {
      sign: () => {
        throw new Error('no code is made here')
      },
      verify: () => false,
    },
  },
}

export const mdocOfOwf: Stack<IssuerSigned> = {
  name: 'mdoc by @owf/mdoc',
  format: 'mso_mdoc',
  async issue({ authority, holder, attributes, type = LICENCE, ...rest }) {
    const issuer = new Issuer(type, context).addIssuerNamespace(NAMES, attributes)
    const hour = 3_600_000
    return await issuer.sign({
      signingKey: CoseKey.fromJwk(privateJwk(rest.signer ?? authority.key)),
      algorithm: SignatureAlgorithm.ES256,
      digestAlgorithm: 'SHA-256',
      validityInfo: {
        signed: rest.validFrom ?? new Date(NOON.getTime() - hour),
        validFrom: rest.validFrom ?? new Date(NOON.getTime() - hour),
        validUntil: rest.validUntil ?? new Date(NOON.getTime() + hour),
      },
      deviceKeyInfo: { deviceKey: DeviceKey.fromJwk(publicJwk(holder)) as DeviceKey },
      certificates: (rest.chain ?? authority.chain).map((der) => new Uint8Array(der)),
    })
  },
  async present(held, { request, disclose, holder, ...rest }) {
    const sessionTranscript = await SessionTranscript.forOid4Vp(
      {
        clientId: rest.audience ?? String(request.client_id),
        nonce: rest.nonce ?? String(request.nonce),
        responseUri: String(request.response_uri),
        ...encryptionThumbprint(request),
      },
      context,
    )
    const docType = held.issuerAuth.mobileSecurityObject.docType
    const wanted = new Map(disclose.map((name) => [name, false]))
    const itemsRequest = ItemsRequest.create({ docType, namespaces: { [NAMES]: Object.fromEntries(wanted) } })
    const response = await DeviceResponse.createWithDeviceRequest(
      {
        deviceRequest: DeviceRequest.create({ docRequests: [DocRequest.create({ itemsRequest })] }),
        sessionTranscript,
        issuerSigned: [held],
        signature: { signingKey: CoseKey.fromJwk({ ...privateJwk(rest.signer ?? holder), alg: 'ES256' }) },
      },
      context,
    )
    return response.encodedForOid4Vp
  },
}
