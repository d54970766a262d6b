/** What the validators of an API's input refuse beyond its schema. */
import t from 'tap'
import { readOperations } from './openapi-operations.ts'
import { inputValidatorsOf } from './openapi-validator.ts'

t.test('an API takes no time that no clock shows and no text that a store refuses', async (t) => {
  const text = { type: 'string', maxLength: 20 }
  const document = {
    openapi: '3.1.0',
    paths: {
      '/x': {
        post: {
          operationId: 'x',
          'x-roles': ['any'],
          parameters: [
            { name: 'since', in: 'query', schema: { type: 'string', format: 'date-time' } },
            { name: 'tag', in: 'query', schema: { type: 'array', items: text } },
          ],
          requestBody: {
            content: {
              'application/json': {
                schema: { type: 'object', properties: { of: { type: 'array', items: { type: 'object' } } } },
              },
            },
          },
          responses: { 204: {} },
        },
      },
    },
  }
  const validate = await inputValidatorsOf(document)(readOperations(document)[0]!)
  const take = (query: object, body?: object) => () => validate({ params: {}, query, body })
  const wrong: Record<string, () => unknown> = {}
  for (const since of [
    '2026-12-31T23:59:60Z',
    '2026-02-30T00:00:00Z',
    '0000-01-01T00:00:00+02:00',
    '9999-12-31T23:00:00-02:00',
    '2026-01-01',
  ])
    wrong[since] = take({ since })
  wrong['NUL'] = take({ tag: ['a', 'b\0'] })
  wrong['NUL deep in a body'] = take({}, { of: [{ a: { b: ['\0'] } }] })
  for (const [what, act] of Object.entries(wrong)) t.throws(act, { code: 'invalid_input' }, what)
  for (const since of ['0000-01-01T00:00:00Z', '2026-01-01T00:00:00.5+02:00', '9999-12-31T23:59:59.999Z'])
    t.doesNotThrow(take({ since, tag: ['\\0', '\\u0000'] }, { of: [{ a: null, b: 1 }] }), since)
})
