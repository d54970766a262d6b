/** Calls the management APIs like an administrator's tool. */
import { readFile } from 'node:fs/promises'
import { request } from 'undici'

export type Api = {
  get<T>(path: string): Promise<T>
  getBytes(path: string): Promise<Buffer>
  send<T>(method: 'POST' | 'PUT' | 'PATCH' | 'DELETE', path: string, body?: unknown): Promise<T>
  sendBytes<T>(method: 'POST' | 'PUT', path: string, body: Buffer, type?: string): Promise<T>
}

/**
 * Opens the API below `base` (http://host:port/api/v1) with the key in `keyFile`. A refusal is an Error with
 * its text.
 */
export async function openApi(base: string, keyFile: string): Promise<Api> {
  const authorization = `X-Road-ApiKey token=${(await readFile(keyFile, 'utf8')).trim()}`

  async function call(method: string, path: string, body: Buffer | undefined, type: string): Promise<Buffer> {
    for (let attempt = 0; ; attempt++) {
      const reply = await request(base + path, {
        method: method as 'GET',
        headers: { authorization, ...(body === undefined ? {} : { 'content-type': type }) },
        body: body ?? null,
      })
      const bytes = Buffer.from(await reply.body.arrayBuffer())
      // The APIs allow 20 calls a second from one address, so the set-up has to wait.
      if (reply.statusCode === 429 && attempt < 20) {
        await new Promise((resolve) => setTimeout(resolve, 250))
        continue
      }
      if (reply.statusCode < 300) return bytes
      throw new Error(
        `${method} ${base}${path} answered ${reply.statusCode}: ${bytes.toString().slice(0, 500)}`,
      )
    }
  }

  const parsed = <T>(bytes: Buffer): T => (bytes.length === 0 ? undefined : JSON.parse(bytes.toString())) as T
  return {
    get: async (path) => parsed(await call('GET', path, undefined, '')),
    getBytes: (path) => call('GET', path, undefined, ''),
    send: async (method, path, body) => {
      const bytes = body === undefined ? undefined : Buffer.from(JSON.stringify(body))
      return parsed(await call(method, path, bytes, 'application/json'))
    },
    sendBytes: async (method, path, body, type = 'application/octet-stream') =>
      parsed(await call(method, path, body, type)),
  }
}

/**
 * PEM certificate of the development CA for a PKCS#10 request, valid for so many days or as long as the
 * profile says.
 */
export async function certify(
  caUrl: string,
  profile: string,
  certificationRequest: Buffer,
  days?: number,
): Promise<string> {
  const asked = new URLSearchParams({ profile, ...(days !== undefined && { days: String(days) }) })
  const reply = await request(`${caUrl}/certificates?${asked}`, {
    method: 'POST',
    headers: { 'content-type': 'application/octet-stream' },
    body: certificationRequest,
  })
  const text = await reply.body.text()
  if (reply.statusCode !== 200) throw new Error(`the CA answered ${reply.statusCode}: ${text.slice(0, 300)}`)
  return text
}

export async function fetchText(url: string): Promise<string> {
  const reply = await request(url)
  const text = await reply.body.text()
  if (reply.statusCode !== 200) throw new Error(`${url} answered ${reply.statusCode}`)
  return text
}
