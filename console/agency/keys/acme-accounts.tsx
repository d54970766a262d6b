/** The accounts of this server at CAs, with the acts that end one here or there. */
import { Act } from '../../kit/act.tsx'
import { useMay } from '../../kit/context.ts'
import { Part } from '../../kit/facts.tsx'
import { useAnswer } from '../../kit/load.ts'
import { Show } from '../../kit/placeholders.tsx'
import { Rows } from '../../kit/rows.tsx'
import { text } from '../../kit/text.ts'

type Account = { id: string; node: string; directoryUrl: string; name: string }

export function AcmeAccounts() {
  return useMay('getAcmeAccounts') ? <Loaded /> : null
}

function Loaded() {
  const found = useAnswer<Account[]>('getAcmeAccounts')
  return (
    <Show of={found}>
      {(all) =>
        all.length === 0 ? null : (
          <Part title={text('renewals.accounts')}>
            <p>{text('renewals.accountsLead')}</p>
            <Rows<Account>
              caption={text('renewals.accounts')}
              rows={all}
              rowKey={({ id }) => id}
              columns={[
                { title: 'renewals.accountName', cell: ({ name }) => <bdi class="wrap">{name}</bdi> },
                { title: 'renewals.directory', cell: (one) => <bdi class="wrap">{one.directoryUrl}</bdi> },
                { title: 'renewals.node', cell: ({ node }) => <bdi class="wrap">{node}</bdi> },
                {
                  title: 'common.acts',
                  cell: (one) => (
                    <div class="acts">
                      <Deactivate of={one} />
                      <Forget of={one} />
                    </div>
                  ),
                },
              ]}
            />
          </Part>
        )
      }
    </Show>
  )
}

function Deactivate({ of }: { of: Account }) {
  return (
    <Act
      operation="deactivateAcmeAccount"
      button={text('renewals.deactivate')}
      label={text('renewals.deactivateThis', { name: of.name })}
      title={text('renewals.deactivateThis', { name: of.name })}
      consequence={<p>{text('renewals.deactivateConsequence')}</p>}
      nameToType={of.name}
      send={(_, call) => call('deactivateAcmeAccount', { params: { account: of.id } })}
      result={() => <p>{text('renewals.deactivated')}</p>}
    />
  )
}

function Forget({ of }: { of: Account }) {
  return (
    <Act
      operation="forgetAcmeAccount"
      button={text('renewals.forget')}
      label={text('renewals.forgetThis', { name: of.name })}
      title={text('renewals.forgetThis', { name: of.name })}
      consequence={<p>{text('renewals.forgetConsequence')}</p>}
      nameToType={of.name}
      send={(_, call) => call('forgetAcmeAccount', { params: { account: of.id } })}
      result={() => <p>{text('renewals.forgotten')}</p>}
    />
  )
}
