// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Address} from "@openzeppelin/contracts/utils/Address.sol";
import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";
import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";
import {MessageHashUtils} from "@openzeppelin/contracts/utils/cryptography/MessageHashUtils.sol";
import {ReentrancyGuard} from "@openzeppelin/contracts/utils/ReentrancyGuard.sol";
import {ISequencerBond} from "./ISequencerBond.sol";
import {MerkleLog} from "./MerkleLog.sol";

/**
 * @title Bonds: registration, signers, anchors, exit, payments
 * @notice Everything but evidence. Nobody has a power here that others lack, except an owner over its own stake, and
 * no call of a stranger can stop an owner's exit or anyone's slash. Ether leaves in `withdraw`, `claim` and `burn`
 * only, each after its own book entry.
 */
abstract contract BondRegistry is ISequencerBond, EIP712, ReentrancyGuard {
    bytes32 private constant CHECKPOINT_TYPEHASH = keccak256("Checkpoint(bytes32 logId,uint64 size,bytes32 root)");
    bytes32 private constant REGISTER_TYPEHASH = keccak256("Register(bytes32 logId,address signer,address owner)");

    /// @notice Where forfeited stake goes: an address whose key nobody has.
    address payable public constant BURN_ADDRESS = payable(0x000000000000000000000000000000000000dEaD);

    /// @notice Slack that the windows keep over the time that the L2 takes to include a censored transaction.
    uint64 public constant MARGIN = 1 days;
    uint64 public constant WINDOW_MIN = 7 days;
    uint64 public constant EXIT_DELAY_MAX = 365 days;

    uint128 public immutable minimumStake;
    uint128 public immutable minimumChallengeBond;
    uint64 public immutable exitDelay;
    uint64 public immutable evidenceWindow;
    uint64 public immutable answerWindow;
    uint64 public immutable forceInclusion;

    bytes32 private immutable _domain;
    uint256 private immutable _domainChainId;

    /// @notice Wei that an account can have sent to it with `claim`.
    mapping(address account => uint256 value) public owed;

    mapping(bytes32 logId => mapping(address signer => address operator)) private _operators;
    mapping(bytes32 logId => mapping(address operator => Bond)) private _bonds;

    constructor(Parameters memory p) EIP712("Sequencer", "1") {
        if (p.minimumStake == 0) revert ParameterOutOfBounds("minimumStake");
        if (p.minimumChallengeBond == 0) revert ParameterOutOfBounds("minimumChallengeBond");
        if (p.evidenceWindow < WINDOW_MIN || p.evidenceWindow > EXIT_DELAY_MAX) {
            revert ParameterOutOfBounds("evidenceWindow");
        }
        if (p.forceInclusion > EXIT_DELAY_MAX) revert ParameterOutOfBounds("forceInclusion");
        if (p.answerWindow < WINDOW_MIN || p.answerWindow <= p.forceInclusion + MARGIN) {
            revert ParameterOutOfBounds("answerWindow");
        }
        // A challenge may be opened during the whole evidence window that an exit starts, and still be answered.
        if (p.exitDelay > EXIT_DELAY_MAX || p.exitDelay < p.evidenceWindow + p.answerWindow) {
            revert ParameterOutOfBounds("exitDelay");
        }
        if (p.exitDelay <= p.evidenceWindow + p.forceInclusion + MARGIN) revert ParameterOutOfBounds("exitDelay");
        if (sha256("") != MerkleLog.EMPTY_ROOT) revert NoSha256();
        minimumStake = p.minimumStake;
        minimumChallengeBond = p.minimumChallengeBond;
        exitDelay = p.exitDelay;
        evidenceWindow = p.evidenceWindow;
        answerWindow = p.answerWindow;
        forceInclusion = p.forceInclusion;
        _domain = _domainSeparatorV4();
        _domainChainId = block.chainid;
    }

    /**
     * @notice Puts a stake behind everything that `signer` signs for `logId`; the sender becomes its owner.
     * @param possession Signature of `signer` over Register(logId, signer, sender): nobody else can use it.
     */
    function register(bytes32 logId, address signer, bytes calldata possession) external payable {
        if (logId == bytes32(0)) revert ZeroLogId();
        if (msg.value < minimumStake) revert StakeTooSmall(minimumStake);
        _admit(logId, signer, signer, possession);
        Bond storage bond = _bonds[logId][signer];
        bond.owner = msg.sender;
        bond.signer = signer;
        bond.stake = uint128(msg.value); // all ether there is fits in 87 bits
        bond.status = Status.Active;
        emit Registered(logId, signer, msg.sender, msg.value);
    }

    /// @notice Adds to a live stake. Anyone may; what is added is as slashable as the rest and belongs to the owner.
    function topUp(bytes32 logId, address signer) external payable {
        if (msg.value == 0) revert StakeTooSmall(1);
        (address operator, Bond storage bond) = _bondUnder(logId, signer);
        _requireLive(bond);
        bond.stake += uint128(msg.value);
        emit ToppedUp(logId, operator, msg.value, bond.stake);
    }

    /**
     * @notice Lets `newSigner` sign from now on. Both keys stand under the one bond for good, and evidence may mix them.
     * @param closing The last checkpoint of the signer that steps back; it is anchored.
     */
    function rotateSigner(
        bytes32 logId,
        address newSigner,
        bytes calldata newPossession,
        SignedCheckpoint calldata closing
    ) external {
        (address oldSigner,) = _signerOf(logId, closing);
        (address operator, Bond storage bond) = _bondUnder(logId, oldSigner);
        _requireOwner(bond);
        if (bond.status != Status.Active) revert WrongStatus(bond.status);
        if (bond.signer != oldSigner) revert NotTheNewestSigner(oldSigner);
        _admit(logId, newSigner, operator, newPossession);
        bond.signer = newSigner;
        _anchor(logId, operator, bond, closing);
        emit SignerRotated(logId, operator, newSigner);
    }

    /// @notice Writes down that a signed head existed now, while the stake was there. The largest one is kept.
    function anchor(bytes32 logId, SignedCheckpoint calldata head) external {
        (address signer,) = _signerOf(logId, head);
        (address operator, Bond storage bond) = _bondUnder(logId, signer);
        _requireLive(bond);
        _anchor(logId, operator, bond, head);
    }

    /// @notice Starts the exit delay and anchors the final head. The stake stays slashable until it has left.
    function requestExit(bytes32 logId, SignedCheckpoint calldata finalHead) external {
        (address signer,) = _signerOf(logId, finalHead);
        (address operator, Bond storage bond) = _bondUnder(logId, signer);
        _requireOwner(bond);
        if (bond.status != Status.Active) revert WrongStatus(bond.status);
        bond.status = Status.Exiting;
        bond.exitAt = uint64(block.timestamp) + exitDelay;
        _anchor(logId, operator, bond, finalHead);
        emit ExitRequested(logId, operator, bond.exitAt);
    }

    /// @notice Takes an exit back. The next one waits the whole delay again.
    function cancelExit(bytes32 logId, address signer) external {
        (address operator, Bond storage bond) = _bondUnder(logId, signer);
        _requireOwner(bond);
        if (bond.status != Status.Exiting) revert WrongStatus(bond.status);
        bond.status = Status.Active;
        bond.exitAt = 0;
        emit ExitCancelled(logId, operator);
    }

    /// @notice Pays the stake out to its owner: after the delay, with no challenge open. Final for these signers.
    function withdraw(bytes32 logId, address signer) external nonReentrant {
        (address operator, Bond storage bond) = _bondUnder(logId, signer);
        _requireOwner(bond);
        if (bond.status != Status.Exiting) revert WrongStatus(bond.status);
        if (block.timestamp < bond.exitAt) revert TooEarly(bond.exitAt);
        if (bond.openChallenges != 0) revert ChallengesOpen(bond.openChallenges);
        uint256 stake = bond.stake;
        bond.stake = 0;
        bond.status = Status.Withdrawn;
        emit Withdrawn(logId, operator, msg.sender, stake);
        Address.sendValue(payable(msg.sender), stake);
    }

    /// @notice Sends an account what it is owed: rewards, answers' pay, returned challenge bonds. Anyone may call.
    function claim(address payable account) external nonReentrant {
        uint256 value = owed[account];
        if (value == 0) revert NothingOwed();
        owed[account] = 0;
        emit Claimed(account, value);
        Address.sendValue(account, value);
    }

    /// @notice Sends forfeited stake to where nobody can fetch it. Anyone may call; nothing else can happen to it.
    function burn(bytes32 logId, address signer) external nonReentrant {
        (address operator, Bond storage bond) = _bondUnder(logId, signer);
        if (bond.status != Status.Slashed) revert WrongStatus(bond.status);
        uint256 value = bond.stake;
        if (value == 0) revert NothingOwed();
        bond.stake = 0;
        emit Burned(logId, operator, value);
        Address.sendValue(BURN_ADDRESS, value);
    }

    /// @notice The bond that a signer stands under; all zero where there is none.
    function bondOf(bytes32 logId, address signer) external view returns (Bond memory) {
        return _bonds[logId][_operators[logId][signer]];
    }

    /// @notice The signer that the bond of `signer` was registered with; zero where there is none.
    function operatorOf(bytes32 logId, address signer) external view returns (address) {
        return _operators[logId][signer];
    }

    function status(bytes32 logId, address signer) external view returns (Status) {
        return _bonds[logId][_operators[logId][signer]].status;
    }

    /// @notice What a signer signs for a head.
    function digest(bytes32 logId, uint64 size, bytes32 root) public view returns (bytes32) {
        return _hashTypedDataV4(keccak256(abi.encode(CHECKPOINT_TYPEHASH, logId, size, root)));
    }

    /// @notice What a signer signs to stand under a bond of `owner`.
    function possessionDigest(bytes32 logId, address signer, address owner) public view returns (bytes32) {
        return _hashTypedDataV4(keccak256(abi.encode(REGISTER_TYPEHASH, logId, signer, owner)));
    }

    /// @notice ERC-5267, with the chain id that the domain was made with.
    function eip712Domain()
        public
        view
        override
        returns (bytes1, string memory, string memory, uint256, address, bytes32, uint256[] memory)
    {
        return
            (hex"0f", _EIP712Name(), _EIP712Version(), _domainChainId, address(this), bytes32(0), new uint256[](0));
    }

    /// @dev Genesis fixes the log's domain for ever, so a chain that changes its id must not free the stake.
    function _hashTypedDataV4(bytes32 structHash) internal view override returns (bytes32) {
        return MessageHashUtils.toTypedDataHash(_domain, structHash);
    }

    function _signerOf(bytes32 logId, SignedCheckpoint calldata head) internal view returns (address, bytes32) {
        if (head.size == 0) revert EmptyCheckpoint();
        bytes32 hash = digest(logId, head.size, head.root);
        return (ECDSA.recoverCalldata(hash, head.signature), hash);
    }

    function _bondUnder(bytes32 logId, address signer) internal view returns (address operator, Bond storage bond) {
        operator = _operators[logId][signer];
        if (operator == address(0)) revert NotRegistered(logId, signer);
        bond = _bonds[logId][operator];
    }

    function _requireLive(Bond storage bond) internal view {
        Status current = bond.status;
        if (current != Status.Active && current != Status.Exiting) revert WrongStatus(current);
    }

    function _requireOwner(Bond storage bond) private view {
        if (bond.owner != msg.sender) revert NotOwner(bond.owner);
    }

    function _admit(bytes32 logId, address signer, address operator, bytes calldata possession) private {
        if (_operators[logId][signer] != address(0)) revert AlreadyRegistered(logId, signer);
        address recovered = ECDSA.recoverCalldata(possessionDigest(logId, signer, msg.sender), possession);
        if (recovered != signer) revert NotPossessed(signer, recovered);
        _operators[logId][signer] = operator;
    }

    /// @dev The same head again is no error: two nodes may anchor at once.
    function _anchor(bytes32 logId, address operator, Bond storage bond, SignedCheckpoint calldata head) private {
        if (head.size == bond.anchoredSize && head.root == bond.anchoredRoot) return;
        if (head.size <= bond.anchoredSize) revert OlderThanAnchor(bond.anchoredSize, bond.anchoredRoot);
        bond.anchoredSize = head.size;
        bond.anchoredRoot = head.root;
        bond.anchoredAt = uint64(block.timestamp);
        emit Anchored(logId, operator, head.size, head.root, bond.anchoredAt);
    }
}
