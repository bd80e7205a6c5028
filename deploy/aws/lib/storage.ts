import { Duration, RemovalPolicy } from 'aws-cdk-lib';
import * as kms from 'aws-cdk-lib/aws-kms';
import * as s3 from 'aws-cdk-lib/aws-s3';
import { Construct } from 'constructs';

/** Days after which backups, and files of the lake, are in the store for what is rarely read. */
const COLD_AFTER_DAYS = 30;
export const BACKUPS_KEPT_DAYS = 400;
/** So long nobody, and no stolen key, can remove a backup. */
const BACKUPS_LOCKED_DAYS = 35;

/** Buckets: checkpoints, backups, the Parquet lake, and the access logs of the load balancer and of the other three. */
export class Storage extends Construct {
  readonly checkpoints: s3.Bucket;
  readonly backups: s3.Bucket;
  readonly lake: s3.Bucket;
  readonly logs: s3.Bucket;
  /** RDS writes the lake under a key of the customer's own, or not at all. */
  readonly lakeKey: kms.Key;

  constructor(scope: Construct, id: string) {
    super(scope, id);
    const common = {
      blockPublicAccess: s3.BlockPublicAccess.BLOCK_ALL,
      enforceSSL: true,
      minimumTLSVersion: 1.2,
      objectOwnership: s3.ObjectOwnership.BUCKET_OWNER_ENFORCED,
      removalPolicy: RemovalPolicy.RETAIN,
    };
    this.logs = new s3.Bucket(this, 'Logs', {
      ...common,
      encryption: s3.BucketEncryption.S3_MANAGED,
      versioned: true,
      lifecycleRules: [
        { expiration: Duration.days(90), noncurrentVersionExpiration: Duration.days(1) },
        { abortIncompleteMultipartUploadAfter: Duration.days(1) },
      ],
    });
    const logged = { ...common, versioned: true, serverAccessLogsBucket: this.logs };
    this.checkpoints = new s3.Bucket(this, 'Checkpoints', {
      ...logged,
      encryption: s3.BucketEncryption.S3_MANAGED,
      serverAccessLogsPrefix: 's3/checkpoints/',
      lifecycleRules: [
        // Atalaia removes what no recovery needs; a removed one can be brought back for a day.
        { noncurrentVersionExpiration: Duration.days(1), expiredObjectDeleteMarker: true },
        { abortIncompleteMultipartUploadAfter: Duration.days(1) },
      ],
    });
    this.backups = new s3.Bucket(this, 'Backups', {
      ...logged,
      encryption: s3.BucketEncryption.S3_MANAGED,
      serverAccessLogsPrefix: 's3/backups/',
      objectLockEnabled: true,
      objectLockDefaultRetention: s3.ObjectLockRetention.governance(Duration.days(BACKUPS_LOCKED_DAYS)),
      lifecycleRules: [
        {
          transitions: [
            {
              storageClass: s3.StorageClass.GLACIER_INSTANT_RETRIEVAL,
              transitionAfter: Duration.days(COLD_AFTER_DAYS),
            },
          ],
          expiration: Duration.days(BACKUPS_KEPT_DAYS),
          noncurrentVersionExpiration: Duration.days(COLD_AFTER_DAYS),
        },
        { abortIncompleteMultipartUploadAfter: Duration.days(1) },
      ],
    });
    this.lakeKey = new kms.Key(this, 'LakeKey', {
      description: 'Atalaia: the Parquet lake',
      enableKeyRotation: true,
      removalPolicy: RemovalPolicy.RETAIN,
    });
    this.lake = new s3.Bucket(this, 'Lake', {
      ...logged,
      encryption: s3.BucketEncryption.KMS,
      encryptionKey: this.lakeKey,
      bucketKeyEnabled: true,
      serverAccessLogsPrefix: 's3/lake/',
      lifecycleRules: [
        {
          transitions: [
            {
              storageClass: s3.StorageClass.GLACIER_INSTANT_RETRIEVAL,
              transitionAfter: Duration.days(COLD_AFTER_DAYS),
            },
          ],
          noncurrentVersionExpiration: Duration.days(COLD_AFTER_DAYS),
        },
        { abortIncompleteMultipartUploadAfter: Duration.days(1) },
      ],
    });
  }
}
