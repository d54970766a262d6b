/**
 * The mail server of a living sandbox: it takes every letter and puts it into a folder, a file each, for
 * whoever plays. It speaks as much SMTP (RFC 5321) as the sandbox's own servers need, on loopback alone.
 */
import { mkdirSync, writeFileSync } from 'node:fs'
import { createServer, type Server, type Socket } from 'node:net'
import path from 'node:path'

const MOST_BYTES = 256 * 1024
const END = '\r\n.\r\n'

/** `now` names the files, so that they lie in their order. */
export function createMailFolder({ directory, now }: { directory: string; now: () => number }): Server {
  mkdirSync(directory, { recursive: true, mode: 0o700 })
  let letters = 0
  const keep = (letter: string): void => {
    const name = `${new Date(now()).toISOString().replaceAll(':', '-')}-${++letters}.eml`
    writeFileSync(path.join(directory, name), letter, { mode: 0o600 })
  }
  return createServer((socket) => {
    socket.on('error', () => socket.destroy())
    receive(socket, keep)
  })
}

function receive(socket: Socket, keep: (letter: string) => void): void {
  let given = ''
  let isLetter = false
  const say = (line: string): void => void socket.write(`${line}\r\n`)
  const takeLetter = (): boolean => {
    const end = given.indexOf(END)
    if (end < 0) return false
    // A line that begins with a dot was sent with one more (section 4.5.2).
    keep(given.slice(0, end).replace(/(^|\r\n)\./g, '$1'))
    given = given.slice(end + END.length)
    isLetter = false
    say('250 kept')
    return true
  }
  const takeCommand = (): boolean => {
    const end = given.indexOf('\r\n')
    if (end < 0) return false
    const [command = ''] = given.slice(0, end).toUpperCase().split(' ')
    given = given.slice(end + 2)
    isLetter = command === 'DATA'
    if (command === 'QUIT') {
      socket.end('221 bye\r\n')
      return false
    }
    if (isLetter) say('354 go on')
    else say(['EHLO', 'HELO', 'MAIL', 'RCPT', 'RSET', 'NOOP'].includes(command) ? '250 fine' : '502 unknown')
    return true
  }
  say('220 sandbox')
  socket.on('data', (bytes: Buffer) => {
    given += bytes.toString('latin1')
    if (given.length > MOST_BYTES) return void socket.end('552 too long\r\n')
    while (isLetter ? takeLetter() : takeCommand());
  })
}
