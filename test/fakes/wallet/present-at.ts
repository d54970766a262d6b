/**
 * What a wallet does with the address in a link or a QR code: it fetches the request, and posts presentations
 * of its person.
 */
import { request as send } from 'undici'
import type { KeyPair } from '#core/certificate/certificate-fixture.ts'
import type { JsonObject } from '#core/presentation/json.ts'
import { hashOfTransaction } from '#core/presentation/transaction-data.ts'
import { type Authority, PERSON } from './authority.ts'
import { answerOf } from './post-answer.ts'
import { sdJwtOfJose } from './sd-jwt-of-jose.ts'

const FORM = { 'content-type': 'application/x-www-form-urlencoded' }

type Held = {
  authority: Authority
  holder: KeyPair
  attributes: Record<string, unknown>
  disclose: string[]
  /** `PERSON` where it is not said. */
  type?: string
}

type Presented = {
  /** The claims of the request; undefined if there was none to fetch. */
  request: JsonObject | undefined
  status: number
  /** Where the wallet is to send its person. */
  redirectUri: string
  error: string
}

type Query = { id: string; meta: { vct_values?: string[] } }

/** What the holder agrees to, where the request names it. */
function transactionsIn({ transaction_data: texts }: JsonObject): { transactionHashes?: string[] } {
  return Array.isArray(texts)
    ? { transactionHashes: texts.map((text) => hashOfTransaction(String(text))) }
    : {}
}

/**
 * `beside`: what else the wallet has; then it answers each query of which it has the type. `changes` make it
 * a bad presentation: signed by another, for another request, or with a posted form of its own.
 */
export async function presentAt(
  walletUrl: string,
  { beside, ...wallet }: Held & { beside?: Held[] },
  changes: { signer?: KeyPair; nonce?: string; form?: Buffer; change?: (form: Buffer) => Buffer } = {},
): Promise<Presented> {
  const parameters = new URLSearchParams(walletUrl.slice(walletUrl.indexOf('?')))
  const body = 'wallet_nonce=fresh&wallet_metadata=%7B%7D'
  const fetched = await send(parameters.get('request_uri')!, { method: 'POST', headers: FORM, body })
  const token = await fetched.body.text()
  if (fetched.statusCode !== 200)
    return { request: undefined, status: fetched.statusCode, redirectUri: '', error: '' }
  const request = JSON.parse(Buffer.from(token.split('.')[1]!, 'base64url').toString()) as JsonObject
  const { signer, nonce, change = (form: Buffer) => form } = changes
  const { credentials } = (request as { dcql_query: { credentials: [Query, ...Query[]] } }).dcql_query
  const presentations: Record<string, string[]> = {}
  for (const [at, { disclose, holder, ...issued }] of [wallet, ...(beside ?? [])].entries()) {
    const { type = PERSON } = issued
    const query =
      beside === undefined
        ? credentials[0]
        : credentials.find(({ meta }) => meta.vct_values?.includes(type) === true)
    if (query === undefined) continue
    const presentation = await sdJwtOfJose.present(await sdJwtOfJose.issue({ ...issued, holder }), {
      ...{ request, disclose, holder, signedAt: new Date() },
      // One of them alone authorises a transaction (OpenID4VP 5.1).
      ...(at === 0 ? transactionsIn(request) : {}),
      ...(signer === undefined ? {} : { signer }),
      ...(nonce === undefined ? {} : { nonce }),
    })
    presentations[query.id] = [presentation]
  }
  const posted = changes.form ?? change(await answerOf(request, presentations))
  const answer = await send(String(request.response_uri), { method: 'POST', headers: FORM, body: posted })
  const text = await answer.body.text()
  const said = (text.startsWith('{') ? JSON.parse(text) : {}) as Record<string, string>
  return {
    ...{ request, status: answer.statusCode },
    ...{ redirectUri: said['redirect_uri'] ?? '', error: said['error_description'] ?? '' },
  }
}
