/**
 * The acts that change what a declared file can hold: those of the command line, and those by which people
 * undo or change the same.
 */
export const DECLARED_ACTS: readonly string[] = [
  ...['setManagementServiceProvider', 'setMonitoringClient', 'removeMonitoringClient'],
  ...['addMemberClass', 'describeMemberClass', 'deleteMemberClass'],
  ...['addMember', 'renameMember', 'deleteMember', 'addSubsystem', 'deleteSubsystem'],
  ...['setWebhook', 'deleteWebhook', 'setMailAddresses'],
  ...['addSecurityServer', 'changeSecurityServerAddress', 'deleteSecurityServer'],
  ...['addAuthenticationCertificate', 'deleteAuthenticationCertificate', 'registerClient', 'deleteClient'],
  ...['putCertificateProfile', 'deleteCertificateProfile'],
  ...['addCertificationService', 'deleteCertificationService', 'setAcmeServer'],
  ...['addIntermediateCa', 'deleteIntermediateCa', 'addTimestampingService', 'deleteTimestampingService'],
  ...['addGlobalGroup', 'describeGlobalGroup', 'deleteGlobalGroup'],
  ...['addGlobalGroupMember', 'deleteGlobalGroupMember'],
  ...['setAutomaticApproval', 'deleteAutomaticApproval', 'addHostingMandate', 'endHostingMandate'],
  ...['setContractPolicy', 'setHostingPolicy', 'setSuspensionPolicy'],
  ...['examineExternalAnchor', 'trustExternalAnchor', 'removeExternalAnchor'],
  // What servers asked for, what was taken over from another member or registry, and an older register: each
  // changes many of these.
  ...['approveManagementRequest', 'approvedAutomatically', 'beginSuccession', 'completeSuccession'],
  ...['carryOutImport', 'acceptRestoredRegistry'],
]
