/** The part of the settings about the key holder, which has the keys for searching the log for people. */
export type SubjectKeysSettings = {
  socket?: string
  url?: string
  certificateFile?: string
  keyFile?: string
  holderCertificateFile?: string
  indexKeyFile: string
  searchKeyFile: string
  trackerKeyFile?: string
}

export const subjectKeysSchema = {
  type: 'object',
  additionalProperties: false,
  required: ['indexKeyFile', 'searchKeyFile'],
  description: 'The holder of the keys by which the log is searched for people',
  properties: {
    socket: { type: 'string', 'x-path': true, description: 'Its Unix socket' },
    url: { type: 'string', pattern: '^https://', description: 'Its address, for mutual TLS instead' },
    certificateFile: { type: 'string', 'x-path': true, description: 'What this server shows, PEM' },
    keyFile: { type: 'string', 'x-path': true, description: 'Its private key, mode 0600' },
    holderCertificateFile: { type: 'string', 'x-path': true, description: 'What the holder shows, PEM' },
    indexKeyFile: { type: 'string', 'x-path': true, description: 'Credential of indexing, mode 0600' },
    searchKeyFile: { type: 'string', 'x-path': true, description: 'Credential of searches, mode 0600' },
    trackerKeyFile: { type: 'string', 'x-path': true, description: 'Credential of trackers, mode 0600' },
  },
}
