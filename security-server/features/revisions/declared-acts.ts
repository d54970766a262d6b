/**
 * The acts that change what a declared file can hold: those of the command line, and those by which people
 * undo or change the same.
 */
export const DECLARED_ACTS: readonly string[] = [
  ...['addClient', 'updateClient', 'deleteClient', 'registerClient', 'unregisterClient'],
  ...['disableClient', 'enableClient', 'addClientTlsCertificate', 'deleteClientTlsCertificate'],
  ...['addClientLocalGroup', 'updateLocalGroup', 'deleteLocalGroup'],
  ...['addLocalGroupMembers', 'deleteLocalGroupMembers'],
  ...['addClientServiceDescription', 'deleteServiceDescription'],
  ...['enableServiceDescription', 'disableServiceDescription'],
  ...['replaceServiceDescriptionDocument', 'acceptRefreshedDocument', 'updateService'],
  ...['changeServiceDescriptionAddress', 'addServiceTlsCertificate', 'deleteServiceTlsCertificate'],
  ...['addEndpoint', 'updateEndpoint', 'deleteEndpoint'],
  ...['addAccessRight', 'deleteAccessRight'],
  ...['switchTrackerOn', 'switchTrackerOff', 'switchConsentsOn', 'switchConsentsOff', 'setTrackerService'],
  ...['addSubjectPlace', 'deleteSubjectPlace', 'putRetentionClass', 'assignRetentionClass'],
  ...['addEventType', 'updateEventType', 'deleteEventType'],
]
