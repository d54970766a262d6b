/**
 * The CAs that give certificates by ACME, as the registry published them: where their servers are, and from
 * where they look at challenges.
 */
import { Part } from '../../kit/facts.tsx'
import { Rows } from '../../kit/rows.tsx'
import { text } from '../../kit/text.ts'

export type Authority = {
  name: string
  authenticationOnly: boolean
  directoryUrl: string
  /** Divided by commas, for firewalls. */
  ipAddress?: string
}

export function AcmeAuthorities({ of }: { of: Authority[] }) {
  return (
    <Part title={text('renewals.authorities')}>
      <p>{text('renewals.authoritiesLead')}</p>
      <Rows<Authority>
        caption={text('renewals.authorities')}
        rows={of}
        rowKey={({ name }) => name}
        columns={[
          { title: 'renewals.authority', cell: ({ name }) => <bdi class="wrap">{name}</bdi> },
          { title: 'renewals.directory', cell: (one) => <bdi class="wrap">{one.directoryUrl}</bdi> },
          {
            title: 'renewals.looksFrom',
            cell: ({ ipAddress }) =>
              ipAddress === undefined ? text('renewals.looksFromNone') : <bdi class="wrap">{ipAddress}</bdi>,
          },
        ]}
      />
    </Part>
  )
}
