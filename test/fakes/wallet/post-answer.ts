/**
 * What the test wallet posts: a form with the presentations, encrypted with jose when the request says so.
 */
import { CompactEncrypt, importJWK } from 'jose'

type Request = Record<string, unknown> & {
  client_metadata?: { jwks?: { keys: Record<string, string>[] } }
}

/** The body of the form; `changes` replace members of the answer, `header` those of the JWE. */
export async function answerOf(
  request: Record<string, unknown>,
  vpToken: Record<string, unknown>,
  changes: { enc?: string; answer?: Record<string, unknown>; header?: Record<string, string> } = {},
): Promise<Buffer> {
  const answer = { vp_token: vpToken, state: request.state, ...changes.answer }
  const jwk = (request as Request).client_metadata?.jwks?.keys[0]
  if (jwk === undefined) {
    const form = { vp_token: JSON.stringify(answer.vp_token), state: String(answer.state) }
    return Buffer.from(new URLSearchParams(form).toString())
  }
  const header = { alg: 'ECDH-ES', enc: changes.enc ?? 'A128GCM', kid: jwk.kid!, ...changes.header }
  const response = await new CompactEncrypt(Buffer.from(JSON.stringify(answer)))
    .setProtectedHeader(header)
    .encrypt(await importJWK(jwk, 'ECDH-ES'))
  return Buffer.from(new URLSearchParams({ response }).toString())
}
