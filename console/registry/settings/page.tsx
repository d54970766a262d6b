/** The instance itself: its identifier, the provider of its management services, its member classes. */
import { Act } from '../../kit/act.tsx'
import { Copyable } from '../../kit/copyable.tsx'
import { Facts, Head, Part } from '../../kit/facts.tsx'
import { useAnswer } from '../../kit/load.ts'
import { Show } from '../../kit/placeholders.tsx'
import { Status } from '../../kit/status.tsx'
import { text } from '../../kit/text.ts'
import { ContractPolicy } from '../contracts/policy.tsx'
import { ClientLink } from '../links.tsx'
import { useClients } from '../pick.ts'
import { SuspensionPolicy } from '../suspensions/policy.tsx'
import { MemberClasses } from './member-classes.tsx'
import { MonitoringClient } from './monitoring-client.tsx'

export type System = {
  initialized: boolean
  instance?: string
  managementServiceProvider?: string
  monitoringClient?: string
}

export function Settings() {
  const clients = useClients()
  const system = useAnswer<System>('getSystem')
  return (
    <>
      <Head title={text('settings.title')} lead={text('settings.lead')} />
      <Show of={system}>
        {({ initialized, instance, managementServiceProvider: provider, monitoringClient }) => (
          <>
            <Part
              title={text('settings.part')}
              acts={
                initialized ? (
                  <Act
                    operation="setManagementServiceProvider"
                    button={text('settings.setProvider')}
                    title={text('settings.setProvider')}
                    consequence={<p>{text('settings.setProviderConsequence')}</p>}
                    fields={[
                      {
                        ...{ name: 'client', title: 'common.clientId', hint: 'call.pickHint' },
                        ...{ type: 'pick', find: clients, maxLength: 1100, initial: provider ?? '' },
                      },
                    ]}
                    send={(body, call) => call('setManagementServiceProvider', { body })}
                    result={() => <p>{text('settings.providerSet')}</p>}
                  />
                ) : (
                  <Act
                    operation="initializeSystem"
                    button={text('settings.initialize')}
                    look="primary"
                    title={text('settings.initialize')}
                    consequence={<p>{text('settings.initializeConsequence')}</p>}
                    fields={[
                      {
                        name: 'instance',
                        title: 'settings.instance',
                        hint: 'common.codeHint',
                        maxLength: 255,
                      },
                    ]}
                    send={(body, call) => call('initializeSystem', { body })}
                    result={() => <p>{text('settings.initialized')}</p>}
                  />
                )
              }
            >
              <Facts
                of={[
                  [
                    'settings.instance',
                    instance === undefined ? (
                      <Status key="instance" tone="warn" word="status.notSet" />
                    ) : (
                      <Copyable key="instance" value={instance} />
                    ),
                  ],
                  [
                    'settings.provider',
                    provider === undefined ? (
                      <Status key="provider" tone="warn" word="status.notSet" />
                    ) : (
                      <ClientLink key="provider" id={provider} />
                    ),
                  ],
                ]}
              />
            </Part>
            {initialized && <MonitoringClient client={monitoringClient} />}
            <MemberClasses />
            <SuspensionPolicy />
            <ContractPolicy />
          </>
        )}
      </Show>
    </>
  )
}
