//! Example calls beside a policy, each with the decision that is expected of it.

use chrono::{DateTime, Utc};
use domain::PolicyId;

use crate::{Result, TenantTx};

/// One stored test.
#[derive(Debug, Clone)]
pub struct PolicyTest {
    /// Its number within the policy, counted from 1.
    pub number: i32,
    /// The test as it stands in a file, JSON.
    pub test: String,
    /// Who added it: an id.
    pub author: String,
    /// When.
    pub created_at: DateTime<Utc>,
}

impl TenantTx {
    /// Holds the policy until the end of the transaction, so that no test is added while a version
    /// is published past the others. False where there is no such policy.
    pub async fn lock_policy(&mut self, id: PolicyId) -> Result<bool> {
        let organisation = self.organisation;
        let found = sqlx::query_scalar!(
            "select version from policies where organisation_id = $1 and id = $2 for update",
            organisation as _,
            id as _,
        )
        .fetch_optional(self.conn())
        .await?;
        Ok(found.is_some())
    }

    /// The tests of a policy, in the order in which they were added.
    pub async fn list_policy_tests(&mut self, id: PolicyId) -> Result<Vec<PolicyTest>> {
        let organisation = self.organisation;
        Ok(sqlx::query_as!(
            PolicyTest,
            "select number, test, author, created_at
             from policy_tests
             where organisation_id = $1 and policy_id = $2
             order by number",
            organisation as _,
            id as _,
        )
        .fetch_all(self.conn())
        .await?)
    }

    /// Adds a test and gives its number. Conflict: `PolicyTestNameTaken`.
    pub async fn insert_policy_test(
        &mut self,
        id: PolicyId,
        name: &str,
        test: &str,
    ) -> Result<i32> {
        let organisation = self.organisation;
        let author = self.actor.to_string();
        Ok(sqlx::query_scalar!(
            "insert into policy_tests (organisation_id, policy_id, number, name, test, author)
             select $1, $2, coalesce(max(number), 0) + 1, $3, $4, $5
             from policy_tests where organisation_id = $1 and policy_id = $2
             returning number",
            organisation as _,
            id as _,
            name,
            test,
            author,
        )
        .fetch_one(self.conn())
        .await?)
    }

    /// Removes a test. False where there was none.
    pub async fn delete_policy_test(&mut self, id: PolicyId, number: i32) -> Result<bool> {
        let organisation = self.organisation;
        let done = sqlx::query!(
            "delete from policy_tests
             where organisation_id = $1 and policy_id = $2 and number = $3",
            organisation as _,
            id as _,
            number,
        )
        .execute(self.conn())
        .await?;
        Ok(done.rows_affected() == 1)
    }

    /// Removes all tests of a policy.
    pub async fn clear_policy_tests(&mut self, id: PolicyId) -> Result<()> {
        let organisation = self.organisation;
        sqlx::query!(
            "delete from policy_tests where organisation_id = $1 and policy_id = $2",
            organisation as _,
            id as _,
        )
        .execute(self.conn())
        .await?;
        Ok(())
    }
}
