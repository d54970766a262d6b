/** Asks a server of tests by X-Road's management API. */
import type { AdminWorld } from '#test/management-api/admin-fixture.ts'

export const CLIENT = 'DEV:GOV:1000:population'
const JSON_TYPE = 'application/json'

type Said = { status: number; body: unknown; raw: Buffer; headers: Record<string, unknown> }

/** Asks as X-Road's tools do: JSON is named even where there is no body. */
export function asker({ xRoadApi, authorization }: AdminWorld) {
  return async (
    method: string,
    url: string,
    body?: unknown,
    o: { authorization?: string | undefined; type?: string; once?: string } = {},
  ): Promise<Said> => {
    const reply = await xRoadApi.inject({
      method: method as 'GET',
      url: `/api/v1${url}`,
      headers: {
        ...('authorization' in o ? {} : { authorization: authorization['all']! }),
        ...(o.authorization === undefined ? {} : { authorization: o.authorization }),
        ...(o.once === undefined ? {} : { 'idempotency-key': o.once }),
        'content-type': o.type ?? (Buffer.isBuffer(body) ? 'application/octet-stream' : JSON_TYPE),
      },
      ...(body === undefined ? {} : { payload: Buffer.isBuffer(body) ? body : JSON.stringify(body) }),
    })
    const isJson = String(reply.headers['content-type']).startsWith(JSON_TYPE)
    const parsed: unknown = isJson && reply.body !== '' ? JSON.parse(reply.body) : undefined
    return { status: reply.statusCode, body: parsed, raw: reply.rawPayload, headers: reply.headers }
  }
}

/** What a refusal looks like. */
export const failing = (code: string, status: number) => ({ status, body: { status, error: { code } } })
