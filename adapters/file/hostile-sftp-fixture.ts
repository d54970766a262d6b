/**
 * An SFTP server that lies, of the same library: what no server of others can be made to do. It takes one
 * user and one password.
 */
import { randomInt } from 'node:crypto'
import ssh2, { type Connection, type SFTPWrapper } from 'ssh2'
import type { Test } from 'tap'

const { OPEN_MODE, STATUS_CODE } = ssh2.utils.sftp
const [FILE, LINK] = [0o100644, 0o120777]
const PORT = 2222
const PAGE = 100

/**
 * The names of its directory, page by page for ever if it is endless; what it says of each file, and what it
 * gives of it.
 */
type Lies = {
  names?: string[]
  isEndless?: boolean
  size?: number
  mode?: number
  /** The bytes of an answer to a read of so many. */
  give?: (length: number) => Buffer | undefined
  isSilent?: boolean
  /** Its disk is full. */
  isFull?: boolean
  /** It lets the user in, and never opens what he asks for. */
  isDeaf?: boolean
}

type HostileServer = { host: string; port: number; hostKey: string; lies: Lies; asked: string[] }

export async function startHostileSftp(
  t: Test,
  q: { user: string; password: string },
): Promise<HostileServer> {
  const keys = ssh2.utils.generateKeyPairSync('ed25519')
  const key = ssh2.utils.parseKey(keys.private)
  if (key instanceof Error) throw key
  const { createHash } = await import('node:crypto')
  const print = createHash('sha256').update(key.getPublicSSH()).digest('base64').replace(/=+$/, '')
  const host = `127.${randomInt(60, 250)}.${randomInt(1, 250)}.${randomInt(1, 250)}`
  const found: HostileServer = { host, port: PORT, hostKey: `SHA256:${print}`, lies: {}, asked: [] }
  const connections = new Set<Connection>()
  const server = new ssh2.Server({ hostKeys: [keys.private] }, (connection) => {
    connections.add(connection)
    connection.on('error', () => undefined)
    connection.on('authentication', (context) => {
      found.asked.push(`${context.method} of ${context.username}`)
      const isRight =
        context.method === 'password' && context.password === q.password && context.username === q.user
      if (isRight) context.accept()
      else context.reject(['password'])
    })
    connection.on('session', (accept) => {
      if (found.lies.isDeaf === true) return
      accept().on('sftp', (acceptSftp) => serve(acceptSftp(), found))
    })
  })
  await new Promise<void>((resolve) => server.listen(PORT, host, () => resolve()))
  t.teardown(async () => {
    for (const connection of connections) connection.end()
    await new Promise((resolve) => server.close(resolve))
  })
  return found
}

function serve(sftp: SFTPWrapper, found: HostileServer): void {
  const attributes = () => ({
    ...{ mode: found.lies.mode ?? FILE, size: found.lies.size ?? 10, mtime: 1, atime: 1, uid: 0, gid: 0 },
  })
  const handle = Buffer.from('h')
  let at = 0
  sftp.on('STAT', (id) => sftp.attrs(id, { ...attributes(), mode: 0o40755 }))
  sftp.on('LSTAT', (id, path) => {
    found.asked.push(`lstat ${path}`)
    if (found.lies.isSilent !== true) sftp.attrs(id, attributes())
  })
  sftp.on('FSTAT', (id) => sftp.attrs(id, attributes()))
  sftp.on('OPENDIR', (id) => {
    at = 0
    sftp.handle(id, handle)
  })
  sftp.on('READDIR', (id) => {
    const { names = [], isEndless = false } = found.lies
    const page = isEndless
      ? Array.from({ length: PAGE }, (_, one) => `f${at + one}`)
      : names.slice(at, at + PAGE)
    at += PAGE
    if (page.length === 0) return sftp.status(id, STATUS_CODE.EOF)
    sftp.name(
      id,
      page.map((filename) => ({
        ...{ filename, longname: filename },
        attrs: { ...attributes(), mode: filename.startsWith('link') ? LINK : FILE },
      })),
    )
  })
  sftp.on('OPEN', (id, path, flags) => {
    found.asked.push(`open ${path} ${flags === OPEN_MODE.READ ? 'to read' : flags}`)
    sftp.handle(id, handle)
  })
  sftp.on('READ', (id, _handle, _offset, length) => {
    const data = found.lies.give?.(length)
    if (data === undefined) sftp.status(id, STATUS_CODE.EOF)
    else sftp.data(id, data)
  })
  sftp.on('WRITE', (id) => sftp.status(id, found.lies.isFull === true ? STATUS_CODE.FAILURE : STATUS_CODE.OK))
  sftp.on('EXTENDED', (id) => sftp.status(id, STATUS_CODE.OP_UNSUPPORTED))
  sftp.on('CLOSE', (id) => {
    found.asked.push('close')
    sftp.status(id, STATUS_CODE.OK)
  })
}
