// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/**
 * @title What the bond of a sequencer keeps, says and refuses
 * @notice Types, events and errors, shared by the parts of SequencerBond. An `operator` is the signer that the log's
 * genesis names; after a rotation further signers stand under the same bond.
 */
interface ISequencerBond {
    /// @notice Active and Exiting are live: slashable. Slashed and Withdrawn are final.
    enum Status {
        None,
        Active,
        Exiting,
        Slashed,
        Withdrawn
    }

    enum Evidence {
        SameSize,
        LeafConflict,
        Inconsistent,
        UnansweredChallenge
    }

    /// @param signature r || s || v over the EIP-712 digest of Checkpoint(logId, size, root).
    struct SignedCheckpoint {
        uint64 size;
        bytes32 root;
        bytes signature;
    }

    /// @notice A leaf hash and its inclusion path, nearest sibling first.
    struct Leaf {
        bytes32 leafHash;
        bytes32[] path;
    }

    /// @notice Whom to reward; a zero reporter slashes without a reward and without a commitment.
    struct Reveal {
        address reporter;
        bytes32 salt;
    }

    /// @notice What a challenge asks: that the first `oldSize` leaves of the new tree have the old root.
    struct Question {
        bytes32 logId;
        address operator;
        uint64 oldSize;
        bytes32 oldRoot;
        uint64 newSize;
        bytes32 newRoot;
    }

    /**
     * @param exitAt Chain time from which an exiting stake can be withdrawn; 0 while active.
     * @param stake Wei at stake; of a slashed bond, what is left to burn.
     * @param signer The newest signer.
     * @param anchoredSize Size of the largest head anchored; with its root and the chain time it was anchored at.
     */
    struct Bond {
        address owner;
        uint64 exitAt;
        uint32 openChallenges;
        uint128 stake;
        uint64 anchoredSize;
        Status status;
        bytes32 anchoredRoot;
        address signer;
        uint64 anchoredAt;
    }

    enum ChallengeState {
        None,
        Open,
        Answered,
        Closed
    }

    struct Challenge {
        address challenger;
        uint64 deadline;
        ChallengeState state;
        uint256 value;
    }

    struct Parameters {
        uint128 minimumStake;
        uint128 minimumChallengeBond;
        uint64 exitDelay;
        uint64 evidenceWindow;
        uint64 answerWindow;
        uint64 forceInclusion;
    }

    event Registered(bytes32 indexed logId, address indexed operator, address indexed owner, uint256 stake);
    event ToppedUp(bytes32 indexed logId, address indexed operator, uint256 value, uint256 stake);
    event SignerRotated(bytes32 indexed logId, address indexed operator, address indexed newSigner);
    event Anchored(bytes32 indexed logId, address indexed operator, uint64 size, bytes32 root, uint64 time);
    event ExitRequested(bytes32 indexed logId, address indexed operator, uint64 exitAt);
    event ExitCancelled(bytes32 indexed logId, address indexed operator);
    event Withdrawn(bytes32 indexed logId, address indexed operator, address indexed owner, uint256 stake);
    event Committed(bytes32 indexed commitment);
    event Slashed(
        bytes32 indexed logId,
        address indexed operator,
        Evidence kind,
        address indexed reporter,
        uint256 reward,
        uint256 forfeited
    );
    event Burned(bytes32 indexed logId, address indexed operator, uint256 value);
    event Challenged(
        bytes32 indexed logId,
        address indexed operator,
        bytes32 indexed id,
        Question question,
        address challenger,
        uint64 deadline,
        uint256 value
    );
    event Answered(bytes32 indexed id, address indexed answerer, uint256 value);
    event ChallengeClosed(bytes32 indexed id, address indexed challenger, uint256 value);
    event Claimed(address indexed account, uint256 value);

    error ParameterOutOfBounds(string name);
    error NoSha256();
    error ZeroLogId();
    error StakeTooSmall(uint256 minimum);
    error AlreadyRegistered(bytes32 logId, address signer);
    error NotRegistered(bytes32 logId, address signer);
    error NotPossessed(address signer, address recovered);
    error NotOwner(address owner);
    error WrongStatus(Status status);
    error EmptyCheckpoint();
    error NotTheNewestSigner(address signer);
    error OlderThanAnchor(uint64 anchoredSize, bytes32 anchoredRoot);
    error TooEarly(uint64 time);
    error TooLate(uint64 time);
    error ChallengesOpen(uint32 count);
    error SizesDiffer(uint64 sizeA, uint64 sizeB);
    error RootsEqual();
    error LeavesEqual();
    error RootMismatch(bytes32 expected, bytes32 computed);
    error Consistent();
    error DifferentBonds(address operatorA, address operatorB);
    error AlreadyCommitted(bytes32 commitment);
    error NotCommitted(bytes32 commitment);
    error ChallengeBondTooSmall(uint256 minimum);
    error AlreadyChallenged(bytes32 id);
    error NoOpenChallenge(bytes32 id);
    error NothingOwed();
}
