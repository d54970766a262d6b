/** What a wallet does with the address in a link or a QR code: it fetches the request, and posts a presentation of its person. */
import { request as send } from 'undici'
import type { KeyPair } from '#core/certificate/certificate-fixture.ts'
import type { JsonObject } from '#core/presentation/json.ts'
import { hashOfTransaction } from '#core/presentation/transaction-data.ts'
import type { Authority } from './authority.ts'
import { answerOf } from './post-answer.ts'
import { sdJwtOfJose } from './sd-jwt-of-jose.ts'

const FORM = { 'content-type': 'application/x-www-form-urlencoded' }

type Presented = {
  /** The claims of the request; undefined if there was none to fetch. */
  request: JsonObject | undefined
  status: number
  /** Where the wallet is to send its person. */
  redirectUri: string
  error: string
}

/** What the holder agrees to, where the request names it. */
function transactionsIn({ transaction_data: texts }: JsonObject): { transactionHashes?: string[] } {
  return Array.isArray(texts)
    ? { transactionHashes: texts.map((text) => hashOfTransaction(String(text))) }
    : {}
}

/** `changes` make it a bad presentation: signed by another, for another request, or with a posted form of its own. */
export async function presentAt(
  walletUrl: string,
  wallet: { authority: Authority; holder: KeyPair; attributes: Record<string, unknown>; disclose: string[] },
  changes: { signer?: KeyPair; nonce?: string; form?: Buffer; change?: (form: Buffer) => Buffer } = {},
): Promise<Presented> {
  const parameters = new URLSearchParams(walletUrl.slice(walletUrl.indexOf('?')))
  const body = 'wallet_nonce=fresh&wallet_metadata=%7B%7D'
  const fetched = await send(parameters.get('request_uri')!, { method: 'POST', headers: FORM, body })
  const token = await fetched.body.text()
  if (fetched.statusCode !== 200)
    return { request: undefined, status: fetched.statusCode, redirectUri: '', error: '' }
  const request = JSON.parse(Buffer.from(token.split('.')[1]!, 'base64url').toString()) as JsonObject
  const { authority, holder, attributes, disclose } = wallet
  const { signer, nonce, change = (form: Buffer) => form } = changes
  const presentation = await sdJwtOfJose.present(await sdJwtOfJose.issue({ authority, holder, attributes }), {
    ...{ request, disclose, holder, signedAt: new Date() },
    ...transactionsIn(request),
    ...(signer === undefined ? {} : { signer }),
    ...(nonce === undefined ? {} : { nonce }),
  })
  const [{ id }] = (request as { dcql_query: { credentials: [{ id: string }] } }).dcql_query.credentials
  const posted = changes.form ?? change(await answerOf(request, { [id]: [presentation] }))
  const answer = await send(String(request.response_uri), { method: 'POST', headers: FORM, body: posted })
  const text = await answer.body.text()
  const said = (text.startsWith('{') ? JSON.parse(text) : {}) as Record<string, string>
  return {
    ...{ request, status: answer.statusCode },
    ...{ redirectUri: said['redirect_uri'] ?? '', error: said['error_description'] ?? '' },
  }
}
