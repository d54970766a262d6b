/**
 * The client package stands alone, so it has its own rules for identifiers and codes: they are those of the
 * servers.
 */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import path from 'node:path'
import fc from 'fast-check'
import t from 'tap'
import { AFTER_THE_CALL, BEFORE_THE_CALL, mayHaveBeenCarriedOut } from '#adapters/client/carried-out.ts'
import { identifier, readIdentifier } from '#adapters/client/identifiers.ts'
import { soapDocument } from '#adapters/client/soap-document.ts'
import { parseSoapMessage } from '#core/transport/soap-message.ts'
import { catalogue } from '#schemas/fault-catalogue.ts'
import type { FaultEntry } from '#schemas/faults/entry.ts'
import { idText, parseClientId } from '#schemas/identifiers.ts'
import { saysNotCalled, BEFORE_THE_CALL as TOLD_BY_PEERS } from '#security-server/consumer/refused-codes.ts'

/** The result, or undefined for a refusal of either. */
function attempt<T>(read: () => T): T | undefined {
  try {
    return read()
  } catch {
    return undefined
  }
}

t.test('both read and write the same identifiers', (t) => {
  let taken = 0
  const code = fc.oneof(
    fc.string({ unit: 'binary', maxLength: 30 }),
    fc.string({ maxLength: 300 }),
    fc.constantFrom('.', '..', ''),
  )
  fc.assert(
    fc.property(code, code, (memberCode, subsystemCode) => {
      const ours = attempt(() => identifier('DEV', 'GOV', memberCode, subsystemCode))
      const written = attempt(() =>
        idText({ instance: 'DEV', memberClass: 'GOV', memberCode, subsystemCode }),
      )
      const servers = written === undefined ? undefined : attempt(() => idText(parseClientId(written)))
      assert.equal(ours, servers)
      if (ours !== undefined) taken++
    }),
    { numRuns: 600 },
  )
  t.ok(taken > 10, `${taken} were identifiers`)
  const segment = fc.array(
    fc.constantFrom(
      'a',
      '9',
      '%41',
      '%c3%a4',
      '%2F',
      '%3a',
      '%zz',
      '%',
      '/',
      ':',
      '@',
      ' ',
      'ä',
      '\u200b',
      '.',
      '~',
      '+',
      "'",
    ),
    { maxLength: 6 },
  )
  fc.assert(
    fc.property(segment, (parts) => {
      const text = `DEV/GOV/${parts.join('')}`
      assert.equal(
        attempt(() => readIdentifier('it', text, 3, 4)),
        attempt(() => idText(parseClientId(text))),
      )
    }),
    { numRuns: 1000 },
  )
  t.end()
})

t.test('the codes that leave open what happened are those of the catalogue', (t) => {
  const entries = Object.entries<FaultEntry>(catalogue)
  t.strictSame(
    [...AFTER_THE_CALL].sort(),
    entries
      .filter(([, { given }]) => given !== undefined)
      .map(([code]) => code)
      .sort(),
  )
  const byCaller = entries.filter(([, { blame, given }]) => blame === 'client' && given === undefined)
  t.ok(byCaller.length > 20)
  t.strictSame(
    byCaller.filter(([, { status }]) => status > 499),
    [],
    'a client. code of 500 is a peer’s',
  )
  t.end()
})

t.test('package and servers take the same codes of a provider’s server for given before the call', (t) => {
  const differences: Record<string, string> = {
    event_type_full: 'only the own server gives it, to its own systems: no peer is asked',
    outbox_full: 'only the own server gives it, to its own systems: no peer is asked',
  }
  const codes = new Set([...TOLD_BY_PEERS, ...Object.keys(catalogue)])
  const differ = [...codes].filter((code) => {
    const type = `server.serverproxy.${code}`
    return saysNotCalled(type) === mayHaveBeenCarriedOut(type, 500)
  })
  t.strictSame(differ.sort(), Object.keys(differences).sort())
  const spelt = new Set([...codes].map((code) => code.replaceAll('_', '')))
  t.strictSame(
    [...BEFORE_THE_CALL].filter((code) => !spelt.has(code)),
    [],
    'none that the servers do not know',
  )
  t.end()
})

t.test('it has the version of the project, and nothing but itself', (t) => {
  const read = (file: string): Record<string, unknown> =>
    JSON.parse(readFileSync(path.join(import.meta.dirname, file), 'utf8')) as Record<string, unknown>
  const own = read('../adapters/client/package.json')
  t.equal(own['version'], read('../package.json')['version'])
  t.notOk('dependencies' in own)
  const licence = (file: string): string => readFileSync(path.join(import.meta.dirname, file), 'utf8')
  t.equal(licence('../adapters/client/LICENSE'), licence('../LICENSE'))
  t.end()
})

t.test('the SOAP document of the package is read by the servers as it was meant', async (t) => {
  const written = soapDocument({
    ...{ client: 'DEV/GOV/1002/t%20x', service: 'DEV/GOV/1001/population/getPerson/v1', id: 'case-7' },
    fields: {
      ...{ userId: 'EE1 <Mägi>', issue: 'a & b', representedParty: 'COM/77' },
      securityServer: 'DEV/GOV/1001/ss1',
    },
    content: '<p:getPerson xmlns:p="urn:p"/>',
  })
  t.match(await parseSoapMessage(Buffer.from(written)), {
    client: { instance: 'DEV', memberClass: 'GOV', memberCode: '1002', subsystemCode: 't x' },
    service: {
      memberCode: '1001',
      subsystemCode: 'population',
      serviceCode: 'getPerson',
      serviceVersion: 'v1',
    },
    ...{ id: 'case-7', userId: 'EE1 <Mägi>', issue: 'a & b', protocolVersion: '4.0', element: 'getPerson' },
    ...{ representedParty: { memberClass: 'COM', memberCode: '77' }, securityServer: { serverCode: 'ss1' } },
  })
})
