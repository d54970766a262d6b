/** Who may ask every security server of the instance for its monitoring data. */
import { Act } from '../../kit/act.tsx'
import { Facts, Part } from '../../kit/facts.tsx'
import { Status } from '../../kit/status.tsx'
import { text } from '../../kit/text.ts'
import { ClientLink } from '../links.tsx'
import { useClients } from '../pick.ts'

export function MonitoringClient({ client }: { client: string | undefined }) {
  const clients = useClients()
  return (
    <Part
      title={text('settings.monitoringClient')}
      acts={
        <>
          <Act
            operation="setMonitoringClient"
            button={text('settings.setMonitoring')}
            title={text('settings.setMonitoring')}
            consequence={<p>{text('settings.setMonitoringConsequence')}</p>}
            fields={[
              {
                ...{ name: 'client', title: 'common.clientId', hint: 'call.pickHint' },
                ...{ type: 'pick', find: clients, maxLength: 1100, initial: client ?? '' },
              },
            ]}
            send={(body, call) => call('setMonitoringClient', { body })}
            result={() => <p>{text('settings.monitoringSet')}</p>}
          />
          {client !== undefined && (
            <Act
              operation="removeMonitoringClient"
              button={text('settings.removeMonitoring')}
              title={text('settings.removeMonitoring')}
              consequence={<p>{text('settings.removeMonitoringConsequence')}</p>}
              send={(_, call) => call('removeMonitoringClient', {})}
              result={() => <p>{text('settings.monitoringRemoved')}</p>}
            />
          )}
        </>
      }
    >
      <Facts
        of={[
          [
            'settings.monitoringAsks',
            client === undefined ? (
              <Status key="client" tone="quiet" word="settings.monitoringNobody" />
            ) : (
              <ClientLink key="client" id={client} />
            ),
          ],
        ]}
      />
    </Part>
  )
}
