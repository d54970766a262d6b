/** Makes docs/errors.md from the catalogue of faults, so that the two cannot differ. */
import { catalogue } from '#schemas/fault-catalogue.ts'
import { adapterFaults } from '#schemas/faults/adapter.ts'
import { administrationFaults } from '#schemas/faults/administration.ts'
import { collectorFaults } from '#schemas/faults/collector.ts'
import { commandFaults } from '#schemas/faults/command.ts'
import { deliveryFaults } from '#schemas/faults/delivery.ts'
import type { FaultEntry } from '#schemas/faults/entry.ts'
import { exchangeFaults } from '#schemas/faults/exchange.ts'
import { messageFaults } from '#schemas/faults/message.ts'
import { operationFaults } from '#schemas/faults/operation.ts'
import { previewFaults } from '#schemas/faults/preview.ts'
import { renewalFaults } from '#schemas/faults/renewal.ts'
import { storedFileFaults } from '#schemas/faults/stored-file.ts'
import { subscriptionFaults } from '#schemas/faults/subscription.ts'

const HEAD = `# Errors

Every failure leaves as one JSON object, with the type repeated in the header \`X-Road-Error\`:

\`\`\`json
{ "type": "client.access_denied", "message": "The client has no right to call this service. Ask ...", "detail": "3f0c..." }
\`\`\`

- \`type\` is a code below. On the message path a prefix says who speaks: \`client.\` (the consumer's server, and the caller has to
  act), \`server.clientproxy.\` (the consumer's server), \`server.serverproxy.\` (the provider's server), \`signer.\`. Management
  APIs send the bare code. A fault that another server sent is passed on as it came.
- The HTTP status stands in the tables for \`client.\`, and for management APIs. What \`server.\` and \`signer.\` say comes with at least 500,
  as in X-Road: \`client.access_denied\` with 400, \`server.serverproxy.access_denied\` with 500, for it is the provider's server that refused.
- \`message\` says what is wrong, where, and what to do next. It never holds payload, personal data or secrets.
- \`detail\` is an id to look for in the log lines of both servers.

Whether the provider's system may have been called is told by the code, for each that a server of ours gives on the way of a message:

- It may have been: AFTER.
- Either, the text says no more: EITHER.
- It was not, by this request: all others.

Between servers, and to SOAP clients, the same three stand in a SOAP fault. The codes are X-Road's where X-Road has one.
`

/** The text of the whole document. */
export function errorsDocument(): string {
  const parts = [
    ['The request and the way to the service', exchangeFaults],
    ['Answers that people see first', previewFaults],
    ['The message between servers', messageFaults],
    ['The server and its administration', operationFaults],
    ['People, sessions and second persons', administrationFaults],
    ['Adapters, and the systems behind them', adapterFaults],
    ['One-way messages', deliveryFaults],
    ['Publish and subscribe', subscriptionFaults],
    ['Certificates that renew themselves', renewalFaults],
    ['Collectors', collectorFaults],
    ['Files of several nodes', storedFileFaults],
    ['Commands that people run', commandFaults],
  ] as const
  const sections = parts.map(([title, faults]) => `\n## ${title}\n\n${table(faults)}`)
  const given = (when: FaultEntry['given']): string =>
    Object.entries<FaultEntry>(catalogue)
      .filter(([, entry]) => entry.given === when)
      .map(([code]) => `\`${code}\``)
      .join(', ')
  const head = HEAD.replace('AFTER', given('after')).replace('EITHER', given('either'))
  return head + sections.join('') + `\n${Object.keys(catalogue).length} codes.\n`
}

function table(faults: Record<string, FaultEntry>): string {
  const rows = Object.entries(faults).map(([code, { status, blame, text, remedy }]) => {
    const who = blame === 'client' ? 'caller' : 'operator'
    return `| \`${code}\` | ${status} | ${who} | ${text} | ${remedy} |\n`
  })
  return `| code | HTTP | acts first | what is wrong | what to do |\n|---|---|---|---|---|\n${rows.join('')}`
}
