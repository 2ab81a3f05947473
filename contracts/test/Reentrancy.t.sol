// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {ISequencerBond} from "../ISequencerBond.sol";
import {SequencerBond} from "../SequencerBond.sol";
import {BondTest} from "./BondTest.sol";
import {vm} from "./Vm.sol";
import {ReentrancyGuard} from "@openzeppelin/contracts/utils/ReentrancyGuard.sol";

/// @notice Owner, reporter and challenger in one that, while it is paid, calls back with what it was given.
contract Attacker {
    SequencerBond private immutable bond;
    bytes private attack;
    bool public attacked;
    bool public succeeded;
    bytes public answered;
    bool public refusing;

    constructor(SequencerBond target) {
        bond = target;
    }

    function prepare(bytes calldata data) external {
        (attack, attacked) = (data, false);
    }

    function refuse(bool yes) external {
        refusing = yes;
    }

    function run(uint256 value, bytes calldata data) external {
        (bool done, bytes memory answer) = address(bond).call{value: value}(data);
        if (!done) {
            assembly {
                revert(add(answer, 32), mload(answer))
            }
        }
    }

    receive() external payable {
        require(!refusing, "refused");
        if (attacked || attack.length == 0) return;
        attacked = true;
        (succeeded, answered) = address(bond).call(attack);
    }
}

/// @notice Being paid gives no second payment, and refusing to be paid stops nobody else.
contract ReentrancyTest is BondTest {
    uint256 private constant EVIL_KEY = 0xE71;
    Attacker private attacker;
    address private signer;

    function setUp() public override {
        super.setUp();
        attacker = new Attacker(bond);
        vm.deal(address(attacker), 100 ether);
        signer = vm.addr(EVIL_KEY);
        bytes memory possession = possess(LOG, EVIL_KEY, address(attacker));
        attacker.run(20 ether, abi.encodeCall(bond.register, (LOG, signer, possession)));
    }

    function test_withdrawing_twice() public {
        exit();
        attacksWith(abi.encodeCall(bond.withdraw, (LOG, signer)), abi.encodeCall(bond.withdraw, (LOG, signer)));
        refusedBy(ReentrancyGuard.ReentrancyGuardReentrantCall.selector);
        require(address(attacker).balance == 100 ether && address(bond).balance == STAKE, "paid once");
    }

    function test_claiming_while_withdrawing() public {
        exit();
        attacksWith(
            abi.encodeCall(bond.withdraw, (LOG, signer)), abi.encodeCall(bond.claim, (payable(address(attacker))))
        );
        refusedBy(ReentrancyGuard.ReentrancyGuardReentrantCall.selector);
    }

    function test_slashing_oneself_while_withdrawing() public {
        exit();
        bytes memory slash = slashCall(Reveal(address(0), 0));
        attacksWith(abi.encodeCall(bond.withdraw, (LOG, signer)), slash);
        refusedBy(WrongStatus.selector);
        require(bond.status(LOG, signer) == Status.Withdrawn, "status");
    }

    function test_slashing_again_while_claiming_the_reward() public {
        bytes32 commitment = bond.commitmentOf(
            bond.digest(LOG, 5, "a"), bond.digest(LOG, 5, "b"), address(attacker), "salt"
        );
        bond.commit(commitment);
        vm.warp(block.timestamp + 60);
        bytes memory slash = slashCall(Reveal(address(attacker), "salt"));
        attacker.run(0, slash);
        attacksWith(abi.encodeCall(bond.claim, (payable(address(attacker)))), slash);
        refusedBy(WrongStatus.selector);
        require(address(attacker).balance == 81 ether, "one reward");
    }

    function test_a_reporter_that_refuses_ether_stops_nobody() public {
        attacker.refuse(true);
        bytes32 commitment = bond.commitmentOf(
            bond.digest(LOG, 5, "a"), bond.digest(LOG, 5, "b"), address(attacker), "salt"
        );
        bond.commit(commitment);
        vm.warp(block.timestamp + 60);
        attacker.run(0, slashCall(Reveal(address(attacker), "salt")));
        require(bond.status(LOG, signer) == Status.Slashed, "slashed");
        bond.burn(LOG, signer);
        vm.expectRevert();
        bond.claim(payable(address(attacker)));
        attacker.refuse(false);
        bond.claim(payable(address(attacker)));
        require(address(bond).balance == STAKE, "the other bond is whole");
    }

    function exit() private {
        SignedCheckpoint memory finalHead = signedBy(EVIL_KEY, 5, "a");
        attacker.run(0, abi.encodeCall(bond.requestExit, (LOG, finalHead)));
        vm.warp(block.timestamp + 21 days);
    }

    function slashCall(Reveal memory reveal) private view returns (bytes memory) {
        return abi.encodeCall(
            bond.slashSameSize, (LOG, signedBy(EVIL_KEY, 5, "a"), signedBy(EVIL_KEY, 5, "b"), reveal)
        );
    }

    function attacksWith(bytes memory opening, bytes memory attack) private {
        attacker.prepare(attack);
        attacker.run(0, opening);
        require(attacker.attacked(), "the attack ran");
    }

    function refusedBy(bytes4 selector) private view {
        require(!attacker.succeeded() && bytes4(attacker.answered()) == selector, "refused");
    }
}
