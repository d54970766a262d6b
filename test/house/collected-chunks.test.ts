import t from 'tap'
import { findCollected } from './collected-chunks.ts'
import { isForTests, listFiles, readSources } from './source-files.ts'

t.test('nobody keeps the chunks of a stream as they came', async (t) => {
  t.strictSame(findCollected(readSources(listFiles()).filter(({ name }) => !isForTests(name))), [])
  const find = (text: string): boolean => findCollected([{ name: 'platform/a.ts', text }]).length > 0
  t.ok(find('for await (const chunk of body) chunks.push(chunk)\nreturn Buffer.concat(chunks)'))
  t.ok(find('for await (const piece of body) all.push(piece as Buffer)\nreturn Buffer.concat(all, size)'))
  t.ok(find('return { write: (chunk) => void list.push(chunk), end: () => done(Buffer.concat(list)) }'))
  t.ok(find("socket.on('data', (data) => got.push(Buffer.from(data)))\nconst all = Buffer.concat(got)"))
  t.ok(find("app.addContentTypeParser('*', { parseAs: 'buffer' }, read)"))
  t.notOk(find('for await (const chunk of body) write(chunk)'))
  t.notOk(find('// chunks.push(chunk)\nBuffer.concat(chunks)'))
})
