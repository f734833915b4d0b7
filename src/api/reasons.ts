/**
 * Every reason why something is not as a person might wish. Closed on purpose: status, metrics, events,
 * log lines and the command line use these words and no others.
 */

/** Why a token is not usable in a cluster. */
export const TOKEN_REASONS = [
  'Expired',
  'Disabled',
  'Deleting',
  'UserDisabled',
  'UserNotFound',
  'NotScoped',
  'OtherCluster',
  'AceDisabled',
  'Malformed',
  'UnsupportedHash',
  'SecretTooLong',
  'HashPending',
  'NameCollision',
  'Conflict',
  'Rejected',
  'Forbidden',
  'GCBlocked',
  'Suspended',
] as const;
export type TokenReason = (typeof TOKEN_REASONS)[number];

/** Why a user's attributes downstream are less than complete. Never a ground for refusing tokens. */
export type UserReason = 'GroupsUnknown';

/** Why something of ours downstream is to go: its token's reason, or one of these. */
export const REMOVAL_REASONS = ['TokenNotFound', 'UserUnused', 'ClusterDeleted', 'DrainRequested'] as const;
export type RemovalReason = TokenReason | (typeof REMOVAL_REASONS)[number];

/** Why a cluster's condition has the status that it has. */
export const CLUSTER_REASONS = [
  'AllSynced',
  'Syncing',
  'Failing',
  'Connected',
  'Connecting',
  'NoCredentials',
  'CredentialsInvalid',
  'CredentialsRejected',
  'CertificateInvalid',
  'CertificateName',
  'CertificateExpired',
  'Unreachable',
  'ClusterReplaced',
  'Forbidden',
  'AceDisabled',
  'ClusterDeleted',
  'DrainRequested',
  'Draining',
  'Drained',
  'InUse',
  'GCBlocked',
  'NotBlocked',
  'Suspended',
  'Malformed',
  'InvalidSpec',
  'InstallationKeyUnusable',
  'SharedCluster',
  'RancherWrites',
  'OthersWrite',
  'NoOtherWriter',
] as const;
export type ClusterReason = (typeof CLUSTER_REASONS)[number];

/**
 * Why the authenticator refuses a bearer. Sent to the API server as `status.error`, where it stands in logs:
 * a code says enough for an operator and nothing for an attacker.
 */
export const DENIAL_REASONS = [
  'UnknownToken',
  'TokenDisabled',
  'TokenDeleting',
  'Expired',
  'MalformedExpiry',
  'UnknownUser',
  'UserDisabled',
  'UserDeleting',
  'HashMissing',
  'UnsupportedHash',
  'HashTooCostly',
  'WrongSecret',
  'Stale',
] as const;
export type DenialReason = (typeof DENIAL_REASONS)[number];
/** Follows, in `status.error` of a TokenReview, the reason of a refusal that is not for good. */
export const MAY_CHANGE = ': may be on its way';

/** Why something could not be read, so that nothing is known about it. */
export const READ_FAILURE_REASONS = [
  'Unreachable',
  'CertificateInvalid',
  'CertificateName',
  'CertificateExpired',
  'PlainHttp',
  'NoApiServer',
  'CredentialsRejected',
  'Forbidden',
  'KindMissing',
  'NoCredentials',
  'CredentialsInvalid',
  'Failing',
] as const;
export type ReadFailureReason = (typeof READ_FAILURE_REASONS)[number];

/** What `explain` and `preflight` find broken beside the reasons above. */
export const HOP_REASONS = [
  'MalformedName',
  'NoBearer',
  'MalformedBearer',
  'ForeignBearer',
  'TokenNotFound',
  'ClusterNotFound',
  'ClusterUnknown',
  'NotPropagated',
  'ExtTokensOff',
  'Outdated',
  'NotRevoked',
  'CannotVerify',
  'AuthenticatorMissing',
  'AuthenticatorNotReady',
  'WebhookNotConsulted',
  'WebhookUnreachable',
  'WebhookUnclear',
  'RefusedByWebhook',
  'RefusedThere',
  'RefusedByProxy',
  'BearerDropped',
  'LetInAsAnother',
  'WhoUnknown',
  'NotAnAce',
  'ClusterUnproven',
  'NotAllowed',
  'DefinitionMissing',
  'DefinitionOutdated',
  'RightsMissing',
  'RightsExcessive',
  'ClockSkew',
  'CacheTooLong',
  'TwoAuthenticators',
] as const;
export type HopReason = (typeof HOP_REASONS)[number];
