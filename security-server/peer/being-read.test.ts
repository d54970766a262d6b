/** What is held of a message of a peer while it is read: its sender is not known in full yet. */
import t from 'tap'
import { aliveChunks } from '#core/transport/alive-chunks-fixture.ts'
import { PART_TYPE } from '#schemas/wire.ts'
import type { BodySpool } from '../message/body.ts'
import { rest } from '../message/rest.ts'
import { readMessage } from './read-message.ts'

const noSpool: BodySpool = {
  begin: () => {
    throw new Error('there is no body')
  },
}

t.test('of a part in chunks of one octet no chunk is held', async (t) => {
  const { make, alive } = aliveChunks()
  const source = {
    async drainTo(take: (chunk: Buffer) => void | Promise<void>) {
      const head = `--b\r\ncontent-type: ${PART_TYPE.restRequest}\r\n\r\nm`
      await take(Buffer.from(`${head}\r\n--b\r\ncontent-type: ${PART_TYPE.signature}\r\n\r\n`))
      for (let i = 0; i < 50_000; i++) await take(make())
      t.ok((await alive()) < 10)
      await take(Buffer.from('\r\n--b--'))
    },
  }
  const { signature } = await readMessage({
    ...{ source, contentType: 'multipart/mixed; boundary=b', codec: rest, half: 'request', spool: noSpool },
    limits: { maxMessageBytes: 1000, maxSoapBytes: 1000, maxBodyBytes: 1000 },
    ...{ tooSlow: 'request_timeout', onMessage: () => undefined },
  })
  t.equal(signature.signatures.length, 50_000)
})
