/** Secrets of a command: a line of standard input, or typed at a terminal that does not show them. */
import { PassThrough, Readable } from 'node:stream'
import t from 'tap'
import { readCommands } from './commands.ts'
import { describeCommand } from './help.ts'
import { readCall } from './read-call.ts'
import { createSecrets, type Secrets } from './read-secret.ts'

void t.test('what must not stand in a history is typed, or read', async (t) => {
  const commands = await readCommands('security-server-api.yaml')
  const search = commands.find(({ name }) => name === 'search-subject')!
  const words = ['--type', 'code', '--case', 'C', '--reason', 'r', '--identifier']
  const identifier = async (secrets: Secrets, given = '-'): Promise<unknown> =>
    (
      JSON.parse(String((await readCall(search, [...words, given], undefined, secrets)).call.body)) as {
        identifier: string
      }
    ).identifier
  const piped = (text: string) =>
    createSecrets(Object.assign(Readable.from([text]), { isTTY: false }) as never)
  t.equal(await identifier(piped('P0001\r\nmore')), 'P0001')
  t.equal(await identifier(piped('no'), 'P0002'), 'P0002')
  for (const nothing of ['', '\n']) await t.rejects(identifier(piped(nothing)), { message: /wants a line/ })

  const terminal = Object.assign(new PassThrough(), {
    isTTY: true,
    raw: [] as boolean[],
    setRawMode: (is: boolean) => void terminal.raw.push(is),
  })
  let shown = ''
  const secrets = createSecrets(terminal as never, { write: (text) => (shown += text) })
  const typed = identifier(secrets)
  for (const keys of ['P00', '4\u007f3', '\r']) terminal.write(keys)
  t.equal(await typed, 'P003')
  t.equal(shown, 'identifier: \n', 'nothing of it is shown')
  const broken = identifier(secrets)
  terminal.write('P\u0003')
  await t.rejects(broken, { message: /interrupted/ })
  t.same(terminal.raw, [true, false, true, false])
  t.match(describeCommand('server', search), /--identifier +string or - /)
})
